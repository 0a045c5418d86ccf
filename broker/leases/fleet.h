// Which probes there are, and which servers have them.
//
// A probe is known for ever once a server has reported it: if it is away, requests for it wait. It belongs to the
// server that reported it last.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/leases/outbox.h"
#include "broker/leases/parties.h"
#include "broker/schedule/scheduler.h"
#include "probegate/broker/v1/record.pb.h"

namespace probegate::broker {

struct KnownProbe {
  v1::ProbeRecord record;
  bool present = false;  // its server is connected, and has it

  ProbeNames names() const;
};

// Threads: one at a time. The scheduler is told of every change.
class Fleet {
 public:
  // Both must outlive this.
  Fleet(Scheduler& scheduler, Outbox& outbox) : scheduler_(scheduler), outbox_(outbox) {}

  // A probe that the store has. Its server has not been heard of yet.
  void Restore(v1::ProbeRecord record);

  // A server has dialled in. Returns the link that it takes the place of; null if there is none.
  std::shared_ptr<ServerLink> Register(const v1::Hello& hello, std::shared_ptr<ServerLink> link);
  // The server with this link has gone. Returns its host and its probes; nothing if it is not registered any more.
  struct Gone {
    std::string host;
    std::vector<std::string> probes;
  };
  std::optional<Gone> Unregister(const ServerLink* link);
  // A server reports a probe. Does nothing if it is not registered any more.
  void Report(const ServerLink* link, const v1::ProbeReport& probe);

  // The probe must be known. An empty reason: it is in service.
  void SetMaintenance(const std::string& uid, const std::string& reason);

  const std::map<std::string, KnownProbe>& probes() const { return probes_; }
  // Null if it is not known.
  const KnownProbe* Find(const std::string& uid) const;
  // Of the server that the probe belongs to; null if that is not registered.
  std::shared_ptr<ServerLink> LinkOf(const std::string& uid) const;
  // Of all servers that are registered.
  std::vector<std::shared_ptr<ServerLink>> Links() const;
  // At which clients reach that server; empty if it is not known.
  std::string AddressOf(const std::string& uid) const;

 private:
  struct Server {
    std::shared_ptr<ServerLink> link;
    std::string address;
  };

  void Claim(const std::string& host, const v1::ProbeReport& report);
  void SetPresent(KnownProbe& probe, bool present);
  void Store(const KnownProbe& probe);
  const Server* ServerOf(const std::string& uid) const;
  std::map<std::string, Server>::iterator FindServer(const ServerLink* link);

  Scheduler& scheduler_;
  Outbox& outbox_;
  std::map<std::string, KnownProbe> probes_;  // by unique ID
  std::map<std::string, Server> servers_;     // by host; those that are registered
};

}  // namespace probegate::broker
