// The servers whose probes are served, and which server has which probe.
//
// Each server is named by HOST:PORT. A host name with several addresses stands for as many servers. Names are looked up
// again and again: the gateway starts to follow the server at each new address, and drops a server whose address is
// gone as soon as its connection is lost, too. If a look-up fails for now, the name keeps its addresses; if the name no
// longer exists, it has none. Whatever happens to one server, the probes of the others are not affected.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/server_list.h"
#include "gateway/fleet/name_lookup.h"
#include "gateway/fleet/probe_routes.h"
#include "gateway/fleet/server_link.h"
#include "gateway/fleet/serving_state.h"
#include "gateway/fleet/upstream.h"
#include "gateway/net/net.h"
#include "telemetry/flood_gate.h"
#include "telemetry/log.h"

namespace probegate {

struct FleetOptions {
  // At least one.
  std::vector<Endpoint> servers = {DefaultServer()};
  // The time between two look-ups of a name.
  std::chrono::milliseconds lookup_interval = kLookupInterval;
};

// Threads: everything runs on the strand passed to the constructor, including the calls to the handler.
class Fleet : private ProbeRoutes::Observer {
 public:
  struct Handler {
    // A probe is new, its description has changed, or it has moved to another server.
    std::function<void(const v1::ProbeDescription& probe, const std::shared_ptr<Upstream>& upstream)> on_probe;
    // Something has changed about any number of probes and servers, or the fleet has settled.
    std::function<void()> on_change;
  };

  // `upstreams`, `state` and `log` must outlive the fleet.
  Fleet(const Strand& strand, Upstreams& upstreams, FleetOptions options, LookUp look_up, Handler handler,
        ServingState& state, Log& log);
  ~Fleet() override;
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  void Start();
  // From now on, the handler is not called.
  void Stop();

  // Every server has sent its whole list or could not be reached, so that no more probes are to be expected at once; or
  // some server has said nothing for a few seconds, and the others no longer wait for it. Stays true.
  bool settled() const { return settled_; }
  // At least one server has sent its list.
  bool found_any() const { return found_any_; }
  // Every name has an address, and every server at these addresses has sent its list at some time.
  bool all_found() const;
  // What is wrong with a server that never sent its list, for people to read.
  std::string problem() const;
  // The same, if all servers can be reached but none of them speaks probegate.v1; otherwise nothing.
  std::optional<std::string> incompatible() const;

  // "the server at A", or "the servers at A, B", as the operator named them.
  std::string ToString() const;

 private:
  enum class LinkState : uint8_t { kNew, kListing, kFollowed, kLost };
  struct Name {
    std::string text;
    std::unique_ptr<NameLookup> lookup;  // null for an address
    bool looked_up = false;              // at least once, with or without success
    bool failure_logged = false;
    bool shown = false;  // in ServingState as a missing server, because it has no address
    std::string problem;
  };
  struct Link {
    ProbeRoutes::Server number = 0;
    ServerAddress server;
    std::set<const Name*> names;  // those that resolve to its address
    std::shared_ptr<ServerLink> link;
    LinkState state = LinkState::kNew;
    bool found = false;  // it has sent its whole list at some time
    bool incompatible = false;
    std::string problem;
    // The part of the list that has arrived. It is used once the list is complete.
    std::vector<v1::ProbeStatus> list;
    std::set<std::string> unique_ids;  // of all probes that it has ever reported
    bool excess_logged = false;
    bool outage_logged = false;
  };
  // By address. A Link must not move in memory, because callbacks refer to it.
  using Links = std::map<std::string, Link>;

  void TakeAddresses(Name& name, const absl::StatusOr<std::vector<std::string>>& addresses);
  void KeepOnly(const Name& name, const std::vector<std::string>& addresses);
  void TakeNoAddress(Name& name, const std::string& reason);
  void AddLink(const Name& name, const std::string& address);
  void DropLink(Links::iterator link);
  void Rename(Link& link);
  void TakeProbe(Link& link, const v1::ProbeStatus& probe);
  bool IsAcceptable(Link& link, const std::string& unique_id);
  void TakeList(Link& link);
  void TakeLoss(Link& link, WatchEnd end, const std::string& reason);
  void Change();
  bool AllHeardOf() const;
  bool AllHaveAddresses() const;

  // ProbeRoutes::Observer.
  void ProbeIsAt(const v1::ProbeDescription& probe, ProbeRoutes::Server server) override;
  void ProbeRefused(const std::string& unique_id, ProbeRoutes::Server server, ProbeRoutes::Server kept) override;
  const Link* FindLink(ProbeRoutes::Server number) const;

  const Strand strand_;
  Upstreams& upstreams_;
  const FleetOptions options_;
  const LookUp look_up_;
  const Handler handler_;
  ServingState& state_;
  Log& log_;

  std::vector<std::unique_ptr<Name>> names_;
  Links links_;
  ProbeRoutes::Server last_number_ = 0;
  ProbeRoutes routes_{*this};
  std::map<std::string, ProbeRoutes::Server> at_;  // the last known server of each probe
  Timer patience_;
  bool settled_ = false;
  bool change_due_ = false;
  bool stopped_ = false;
  bool found_any_ = false;
  FloodGate duplicates_;
};

}  // namespace probegate
