// Through which server each probe of a fleet is reached.
//
// A probe is in one place. If two servers report a probe with the same unique ID, the first server keeps it for as long
// as it has the probe and is connected. The other server's probe is refused and reported to the observer. If a server
// loses a probe (the probe was unplugged, or the server is unreachable), the probe moves to another server that has it.
// A probe that no server has stays with the last one that had it, so that this server can tell its users what happened.
//
// No clock and no I/O. Threads: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

class ProbeRoutes {
 public:
  // Identifies a server. The caller chooses the numbers.
  using Server = uint64_t;

  class Observer {
   public:
    virtual ~Observer() = default;
    // The probe is now reached through `server`, or its description has changed.
    virtual void ProbeIsAt(const v1::ProbeDescription& probe, Server server) = 0;
    // `server` has a probe with a unique ID that a probe of `kept` has, too. Called once, until one of them no longer
    // has it.
    virtual void ProbeRefused(const std::string& unique_id, Server server, Server kept) = 0;
  };

  // `observer` must outlive this object. It is called from within the methods below, and must not call them.
  explicit ProbeRoutes(Observer& observer) : observer_(observer) {}

  // `server` is connected, and Report will be called for each probe on its list.
  void Begin(Server server);
  void Report(Server server, const v1::ProbeStatus& status);
  // The list is complete. Probes that the server had before, but that are not on the list, are gone from it.
  void EndOfList(Server server);
  // The server is unreachable. Its probes may be on any server now.
  void Lost(Server server);
  // The server is no longer part of the fleet.
  void Forget(Server server);

 private:
  struct Claim {
    Server server;
    v1::ProbeDescription description;
    bool present = false;    // the server's last report says that it has the probe
    bool confirmed = false;  // that report came after the server was last connected
    bool refused = false;    // and the observer was told
    bool holds() const { return present && confirmed; }
  };
  struct Route {
    std::vector<Claim> claims;  // in the order of their first reports
    std::optional<Server> at;
  };

  // Decides which server the probe is at. True if it has moved; the observer has been told, then.
  bool Decide(Route& route);
  void DropEmpty();

  Observer& observer_;
  std::map<std::string, Route> routes_;
};

}  // namespace probegate
