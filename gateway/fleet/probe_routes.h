// Which server each probe of a fleet is reached through.
//
// A probe is in one place. Where two servers say that they have the one of a unique id, the first keeps it for as long
// as it has it and is followed; the other is refused, and told of. A probe that its server has lost (unplugged, or the
// server is out of reach) belongs to the next that has it. One that nobody has stays with the server that had it last:
// that one answers its users what has become of it.
//
// Pure: no clock, no input or output. Threads: one at a time.
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
  // Names a server: whoever calls makes them up.
  using Server = uint64_t;

  class Observer {
   public:
    virtual ~Observer() = default;
    // The probe is reached through `server` now, or says something else of itself.
    virtual void ProbeIsAt(const v1::ProbeDescription& probe, Server server) = 0;
    // `server` has a probe of a unique id that `kept` has. Once, until one of them has it no more.
    virtual void ProbeRefused(const std::string& unique_id, Server server, Server kept) = 0;
  };

  // `observer` must outlive the routes, and is called from within the methods below, which it must not call.
  explicit ProbeRoutes(Observer& observer) : observer_(observer) {}

  // `server` is followed from now on: it sends its whole list.
  void Begin(Server server);
  void Report(Server server, const v1::ProbeStatus& status);
  // The list was whole. What the server had before and is not in it, it has no more.
  void EndOfList(Server server);
  // It is out of reach. What it had may be anywhere.
  void Lost(Server server);
  // It will not be asked again.
  void Forget(Server server);

 private:
  struct Claim {
    Server server;
    v1::ProbeDescription description;
    bool present = false;    // the server has the probe, as far as it said
    bool confirmed = false;  // and said it since it was last followed
    bool refused = false;    // and was told of
    bool holds() const { return present && confirmed; }
  };
  struct Route {
    std::vector<Claim> claims;  // in the order in which they came
    std::optional<Server> at;
  };

  // Settles where the probe is. True where it has moved, and the observer was told so.
  bool Decide(Route& route);
  void DropEmpty();

  Observer& observer_;
  std::map<std::string, Route> routes_;
};

}  // namespace probegate
