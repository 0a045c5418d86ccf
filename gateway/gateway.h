// Keeps a port open for each probe that is to be served. The servers' lists of probes say which probes there are.
//
// A probe that is away keeps its port, and its clients get an error. A probe that comes back on another server keeps
// its port, too. The gateway follows the lists until it stops. While a server is unreachable, the gateway retries with
// growing pauses, and logs one line per outage rather than one per attempt.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/address_range.h"
#include "base/socket.h"
#include "gateway/fleet/fleet.h"
#include "gateway/fleet/serving_state.h"
#include "gateway/fleet/upstream.h"
#include "gateway/net/net.h"
#include "gateway/port_check.h"
#include "gateway/port_map.h"
#include "gateway/probe_choice.h"
#include "gateway/probe_port.h"
#include "telemetry/log.h"

namespace probegate {

struct GatewayOptions {
  FleetOptions fleet;
  // Unique IDs, or parts that each match exactly one probe's unique ID. Empty: every probe.
  std::vector<std::string> probes;
  // `probes` must match whole IDs; parts do not match.
  bool whole_ids = false;
  // 0: each probe without a --map port gets any free port, which is not promised to it.
  uint16_t first_port = 5555;
  // The operator set first_port. So if there is only one probe, they expect it on that port.
  bool first_port_given = false;
  bool allow_remote = false;
  std::vector<AddressRange> allow_from;  // whose connections are accepted; empty: everyone's
  bool own_user_only = false;            // only connections of programs of this program's user are accepted
  // Wait for servers and probes that are not there yet.
  bool wait = true;
  ConnectionOptions connection;
};

// Threads: Start, Stop and Missing may be called from any; everything else runs on a strand of `io`.
class Gateway {
 public:
  // Asks which of several probes to serve. Calls `chosen`, on any thread, with the probe's unique ID, or with nothing
  // to quit.
  using Chooser = std::function<void(std::vector<v1::ProbeDescription> probes,
                                     std::function<void(std::optional<std::string> unique_id)> chosen)>;

  // Everything passed by reference must outlive the gateway, and `io` must have finished running before the gateway is
  // destroyed. If `choose` is null, all probes are served. `on_stop` is called once, on a thread of `io`, when the
  // gateway begins to stop.
  Gateway(asio::io_context& io, Upstreams& upstreams, LookUp look_up, PortMap& ports, GatewayOptions options,
          Chooser choose, std::function<void()> on_stop, AcceptLoop& accept_loop, ClientBounds& bounds,
          GatewayMetrics& metrics, Uncounted& uncounted, Log& log);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  void Start();

  // Why the gateway is not ready, one line for each reason, for people to read: no server is reachable, no probe is
  // served yet, a probe's port could not be opened, the gateway is stopping. Empty if it is ready. Threads: any.
  std::vector<std::string> Missing() const { return state_.Missing(); }

  // Checks whether a client would still be served, and why not. Blocks until `deadline` at most. Threads: any.
  absl::Status CheckPort(Deadline deadline) { return port_check_.Run(deadline); }

  // Ends all connections and tells their clients `reason`. `io` runs out of work within a few seconds.
  void Stop(std::string reason);

  // The program's exit code. To be read once `io` has run out of work.
  int exit_code() const { return exit_code_; }

 private:
  // A probe that has a port, or should get one.
  struct Served {
    explicit Served(const Strand& strand) : retry(strand) {}
    std::shared_ptr<ServedProbe> probe;
    std::shared_ptr<ProbePort> port;
    Timer retry;
    std::chrono::milliseconds pause{0};
  };

  // The latest description of a probe, and the server that has it.
  struct Known {
    v1::ProbeDescription description;
    std::shared_ptr<Upstream> upstream;
  };

  void TakeProbe(const v1::ProbeDescription& probe, const std::shared_ptr<Upstream>& upstream);
  void TakeChange();
  // Logs each probe named in --map that no server has: it may be away, or its unique ID may be misspelled.
  void WarnOfUnknownMaps();

  // Starts to serve the selected probes that are not served yet: a few at a time, so that the strand also gets to run
  // other work.
  void Consider();
  // The unique IDs of the probes to serve; nothing if the gateway has to wait or has failed.
  std::optional<std::set<std::string>> Select();
  void ReportAmbiguous(const ProbeChoice::Result& choice);
  void ReportMissing(const ProbeChoice::Result& choice);
  bool AskWhichProbe(const std::set<std::string>& candidates);

  void Serve(const std::vector<std::string>& unique_ids);
  absl::StatusOr<uint16_t> AssignPort(const std::string& unique_id);
  void TryToListen(const std::string& unique_id, Served& served, const absl::StatusOr<uint16_t>& port);
  void TakeProblem(const std::string& unique_id, Served& served, const std::string& problem);

  // Logs what the gateway is waiting for, unless the last call had the same `key`. With --no-wait and no probe served
  // yet, fails instead.
  void WaitOnce(const std::string& key, const std::string& what);
  void Fail(const std::string& message);
  void StopNow(const std::string& reason);

  const GatewayOptions options_;
  PortMap& port_map_;
  const Chooser choose_;
  const std::function<void()> on_stop_;
  Log& log_;
  Strand strand_;
  ServingState state_;
  const PortContext port_context_;
  PortCheck port_check_;

  Fleet fleet_;
  bool maps_checked_ = false;
  std::string waiting_logged_;  // the key of the last call of WaitOnce
  std::set<std::string> ambiguous_logged_;

  std::map<std::string, Known> known_;
  ProbeChoice choice_;
  std::map<std::string, Served> served_;
  std::optional<std::string> chosen_;
  bool choosing_ = false;
  bool alone_ = false;    // exactly one probe is to be served, and no other is expected
  bool started_ = false;  // the probes found at the start are being served: from now on no problem ends the gateway
  bool stopped_ = false;
  int exit_code_ = 0;
};

}  // namespace probegate
