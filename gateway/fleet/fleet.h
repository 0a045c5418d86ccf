// The servers whose probes are served, and which of them has which probe.
//
// Each server is named by HOST:PORT. A name with several addresses stands for as many servers, and is looked up again
// and again: an address that is new is followed, one that is gone is let go once its server is. What cannot be looked
// up for now keeps its addresses, one that is not there any more keeps none. Whatever becomes of one server, the probes
// of the others are as they were.
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
  // Between look-ups of a name.
  std::chrono::milliseconds lookup_interval = kLookupInterval;
};

// Threads: all on the strand that it is given, its handler's calls too.
class Fleet : private ProbeRoutes::Observer {
 public:
  struct Handler {
    // A probe is new, says something else of itself, or has moved to another server.
    std::function<void(const v1::ProbeDescription& probe, const std::shared_ptr<Upstream>& upstream)> on_probe;
    // There was news, of any number of probes and servers, or the fleet has settled.
    std::function<void()> on_change;
  };

  // `upstreams`, `state` and `log` must outlive the fleet.
  Fleet(const Strand& strand, Upstreams& upstreams, FleetOptions options, LookUp look_up, Handler handler,
        ServingState& state, Log& log);
  ~Fleet() override;
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  void Start();
  // The handler is not called any more.
  void Stop();

  // Every server has been heard of, be it that it is not there, and has sent its whole list: no more probes are to be
  // expected at once. From then on, or when one has kept quiet for some seconds, no server waits for another.
  bool settled() const { return settled_; }
  // Some server has sent its list.
  bool found_any() const { return found_any_; }
  // Every server has sent its list at some time, as far as names say which there are.
  bool all_found() const;
  // What is wrong with a server that was never found, for a person.
  std::string problem() const;
  // The same where each server is there, and speaks something else.
  std::optional<std::string> incompatible() const;

  // "the server at A", "the servers at A, B": as they were named.
  std::string ToString() const;

 private:
  enum class LinkState : uint8_t { kNew, kListing, kFollowed, kLost };
  struct Name {
    std::string text;
    std::unique_ptr<NameLookup> lookup;  // null for an address
    bool looked_up = false;              // whatever came of it
    bool failure_logged = false;
    bool shown = false;  // as missing, since it has no address
    std::string problem;
  };
  struct Link {
    ProbeRoutes::Server number = 0;
    ServerAddress server;
    std::set<const Name*> names;  // that stand for it
    std::shared_ptr<ServerLink> link;
    LinkState state = LinkState::kNew;
    bool found = false;  // at some time
    bool incompatible = false;
    std::string problem;
    // What the list has so far: it counts when it is whole.
    std::vector<v1::ProbeStatus> list;
    std::set<std::string> unique_ids;  // that it ever said it has
    bool excess_logged = false;
    bool outage_logged = false;
  };
  // By address. Links stay where they are, until they are dropped.
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
  std::map<std::string, ProbeRoutes::Server> at_;  // where each probe was last said to be
  Timer patience_;
  bool settled_ = false;
  bool change_due_ = false;
  bool stopped_ = false;
  bool found_any_ = false;
  FloodGate duplicates_;
};

}  // namespace probegate
