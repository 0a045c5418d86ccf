// Keeps a port open for each probe that is to be served, as the servers' lists of probes say.
//
// A probe that is away keeps its port: its clients are told so; one that comes back on another server has it too. The
// lists are followed for ever; while a server is out of reach it is tried again with growing pauses, and one line is
// logged, not one a try.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gateway/fleet/fleet.h"
#include "gateway/fleet/serving_state.h"
#include "gateway/fleet/upstream.h"
#include "gateway/net/net.h"
#include "gateway/port_map.h"
#include "gateway/probe_choice.h"
#include "gateway/probe_port.h"
#include "telemetry/log.h"

namespace probegate {

struct GatewayOptions {
  FleetOptions fleet;
  // Unique ids, or parts of them that one probe's alone has. Empty: every probe.
  std::vector<std::string> probes;
  // They are whole ids, and no part of one counts.
  bool whole_ids = false;
  // 0: each probe without a port of --map gets one that is free, which is promised to nobody.
  uint16_t first_port = 5555;
  // The operator named first_port, and so expects it where there is one probe.
  bool first_port_given = false;
  bool allow_remote = false;
  // Wait for servers and for probes that are not there yet.
  bool wait = true;
  size_t max_connections = 1024;
  ConnectionOptions connection;
};

// Threads: Start, Stop and Missing from any; the rest runs on a strand of `io`.
class Gateway {
 public:
  // Asks which of several probes to serve; calls back, on any thread, with its unique id, or with nothing to quit.
  using Chooser = std::function<void(std::vector<v1::ProbeDescription> probes,
                                     std::function<void(std::optional<std::string> unique_id)> chosen)>;

  // All that is a reference must outlive the gateway, and `io` must have finished running before it goes. `choose` may
  // be null: then all probes are served. `on_stop` is called once, on a thread of `io`, when the gateway starts to end.
  Gateway(asio::io_context& io, Upstreams& upstreams, LookUp look_up, PortMap& ports, GatewayOptions options,
          Chooser choose, std::function<void()> on_stop, GatewayMetrics& metrics, Log& log);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  void Start();

  // What keeps the gateway from being ready, a line each for a person: no server is in reach, no probe is served
  // yet, a probe's port could not be had, the gateway is stopping. Empty when it is ready. From any thread.
  std::vector<std::string> Missing() const { return state_.Missing(); }

  // Ends everything, telling clients `reason`; `io` runs out of work within a few seconds.
  void Stop(std::string reason);

  // What the program should exit with, once `io` has run out of work.
  int exit_code() const { return exit_code_; }

 private:
  // A probe that has, or is to have, a port.
  struct Served {
    explicit Served(const Strand& strand) : retry(strand) {}
    std::shared_ptr<ServedProbe> probe;
    std::shared_ptr<ProbePort> port;
    Timer retry;
    std::chrono::milliseconds pause{0};
  };

  // What the gateway knows of a probe: the news of the server that has it.
  struct Known {
    v1::ProbeDescription description;
    std::shared_ptr<Upstream> upstream;
  };

  void TakeProbe(const v1::ProbeDescription& probe, const std::shared_ptr<Upstream>& upstream);
  void TakeChange();
  // Says which probes of --map no server has: they may be away, or misspelt.
  void WarnOfUnknownMaps();

  // Starts to serve what is to be served and is not yet: some probes at a time, so that others have their turn.
  void Consider();
  // Unique ids; nothing where the gateway has to wait or has failed.
  std::optional<std::set<std::string>> Select();
  void TellOfAmbiguous(const ProbeChoice::Result& choice);
  void TellOfMissing(const ProbeChoice::Result& choice);
  bool AskWhichProbe(const std::set<std::string>& candidates);

  void Serve(const std::vector<std::string>& unique_ids);
  absl::StatusOr<uint16_t> AssignPort(const std::string& unique_id);
  void TryToListen(const std::string& unique_id, Served& served, const absl::StatusOr<uint16_t>& port);
  void TakeProblem(const std::string& unique_id, Served& served, const std::string& problem);

  // Says so once for each `key`, what keeps the gateway waiting; where it is not to wait, that is the end.
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
  ConnectionBudget budget_;
  const PortContext port_context_;

  Fleet fleet_;
  bool maps_checked_ = false;
  std::string waiting_logged_;  // the key of what was last said to be waited for
  std::set<std::string> ambiguous_logged_;

  std::map<std::string, Known> known_;
  ProbeChoice choice_;
  std::map<std::string, Served> served_;
  std::optional<std::string> chosen_;
  bool choosing_ = false;
  bool alone_ = false;    // one probe is to be served, and none besides it is expected
  bool started_ = false;  // what was there in the beginning is served: from then on nothing may end the gateway
  bool stopped_ = false;
  int exit_code_ = 0;
};

}  // namespace probegate
