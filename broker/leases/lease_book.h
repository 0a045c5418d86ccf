// All leases and the queue: what clients, servers and the time do to them (docs/leases.md).
//
// A lease is queued, then confirmed by the servers that have its probes, then granted, then gone. Each step is stored
// before anyone hears of it. The book itself stores nothing and tells nobody: what is to be done is in its outbox.
//
// Threads: one at a time. It has no thread, no clock and no I/O of its own, but draws secrets from the system.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "access/policy.h"
#include "base/quota.h"
#include "broker/leases/fleet.h"
#include "broker/leases/holder.h"
#include "broker/leases/lease_rules.h"
#include "broker/leases/outbox.h"
#include "broker/leases/parties.h"
#include "broker/leases/pools.h"
#include "broker/schedule/scheduler.h"
#include "probegate/broker/v1/leases.pb.h"
#include "probegate/broker/v1/record.pb.h"
#include "probegate/broker/v1/registration.pb.h"

namespace probegate::broker {

class LeaseBook {
 public:
  using Time = Scheduler::Time;

  struct Settings {
    LeaseRules rules;
    Pools pools;
    // What the access file says now; never null.
    std::function<std::shared_ptr<const Policy>()> policy = Policy::AllowAll;
    // Whether there is an access file.
    bool restricts = false;
    // Milliseconds since 1970, for the store.
    std::function<int64_t()> wall_clock;
  };

  // What there is in a pool.
  struct PoolState {
    uint32_t leases = 0;       // that are granted
    uint32_t waiting = 0;      // requests in the queue
    uint32_t in_service = 0;   // probes that are there and not in maintenance
    uint32_t maintenance = 0;  // probes
  };
  struct State {
    size_t servers = 0;                      // that are registered
    std::map<std::string, PoolState> pools;  // by name, each that is configured among them
  };

  // `leases` is the quota of leases and requests; it and `observer` must outlive this.
  LeaseBook(Settings settings, Quota& leases, LeaseObserver& observer);

  // What the store has, when the broker starts. DATA_LOSS if a record cannot be read.
  absl::Status Restore(const Records& leases, const Records& probes, Time now);

  // --- Clients. What they are told is in the outbox.

  // The client asks for probes. It is told, at least, how that ended.
  void Acquire(std::shared_ptr<LeaseClient> client, const Requester& who, const v1::LeaseRequest& request, Time now);
  void Resume(std::shared_ptr<LeaseClient> client, const Requester& who, const v1::ResumeRequest& request, Time now);
  // The client's call is over. `released`: it has ended its requests, which ends the lease.
  void HangUp(const LeaseClient* client, bool released, Time now);

  absl::StatusOr<v1::Lease> Renew(const Requester& who, const v1::RenewRequest& request, Time now);
  absl::Status Release(const Requester& who, const v1::ReleaseRequest& request, Time now);
  absl::StatusOr<v1::Lease> Get(const Requester& who, const v1::GetRequest& request, Time now) const;
  v1::ListResponse List(const Requester& who, Time now) const;
  absl::Status SetMaintenance(const Requester& who, const v1::SetMaintenanceRequest& request);
  absl::Status Revoke(const Requester& who, const v1::RevokeRequest& request, Time now);

  // --- Servers

  void Register(std::shared_ptr<ServerLink> link, const v1::Hello& hello, Time now);
  // A message that is not a hello. It is ignored if the server is not registered any more.
  void Hear(const ServerLink* link, const v1::RegisterRequest& request, Time now);
  void Unregister(const ServerLink* link, Time now);

  // --- The rest

  // The access file has changed: leases that it does not allow any more end.
  void OnPolicy(Time now);

  // The broker ends: all calls end with `why`. What is stored goes on when it starts again.
  void Close(const absl::Status& why);

  // Calls `effect` once all that has happened so far is stored.
  void After(std::function<void()> effect) { outbox_.After(std::move(effect)); }

  // Does what is due, and gives out probes. To be called after the functions above, and at NextDue. Returns what is to
  // be done.
  Outbox Settle(Time now);
  // When Settle should be called next, if nothing else happens.
  std::optional<Time> NextDue() const;

  // What there is.
  State GetState() const;

 private:
  struct Lease {
    v1::LeaseRecord record;
    Requester holder;
    std::string pool;
    std::string secret;  // while the client that asked for it is connected; otherwise empty
    std::shared_ptr<LeaseClient> client;
    Quota::Grant place;
    Time since;                     // when the request came
    Time until;                     // of the queue time-out, the confirmation or the lease
    std::optional<Time> lost;       // when it ends because its client does not come back
    std::optional<Time> warning;    // when the holder is warned that it expires
    std::optional<Time> idle_look;  // when it is looked at whether it is idle
    std::optional<Time> idle_end;   // when it ends because it is idle; the holder knows
    Time last_command;
    std::set<std::string> unconfirmed;      // unique IDs
    std::pair<uint32_t, std::string> told;  // position and reason
    bool announced = false;                 // to the observer, that it is in the queue
    std::optional<Time> due;                // in due_

    const std::string& name() const { return record.lease(); }
    bool queued() const { return record.state() == v1::LEASE_STATE_QUEUED; }
    bool granted() const { return record.state() == v1::LEASE_STATE_GRANTED; }
    std::vector<std::string> uids() const;
  };

  // Which leases ended lately, and why.
  struct Past {
    std::deque<std::string> names;
    std::map<std::string, std::string> why;
  };

  // --- Requests
  absl::Status Enter(const std::shared_ptr<LeaseClient>& client, const Requester& who, v1::LeaseRequest request,
                     Time now);
  absl::Status Join(const Lease& lease);
  void LeftQueue(const Lease& lease);
  absl::StatusOr<Lease*> FindOwn(const Requester& who, const std::string& name, const std::string& secret);
  absl::Status NotThere(const std::string& name) const;
  std::chrono::milliseconds Longest(const Requester& who) const;
  std::string PoolOf(const v1::LeaseRequest& request) const;
  absl::Status Restore(v1::LeaseRecord record, Time now);

  // --- Steps
  void Offer(const Scheduler::Assignment& assignment, Time now);
  void Confirm(const ServerLink* link, const std::string& name, Time now);
  void Grant(Lease& lease, Time now);
  void Requeue(Lease& lease, const std::string& why, Time now);
  void End(Lease& lease, v1::EndReason reason, const std::string& why, Time now);
  void Remove(Lease& lease, v1::EndReason reason, const std::string& why, Time now);
  void Detach(Lease& lease);
  void Use(const v1::Activity& activity, Time now);

  // --- Time
  void Schedule(Lease& lease);
  void OnDue(Lease& lease, Time now);
  void OnDueGranted(Lease& lease, Time now);
  void LookIfIdle(Lease& lease, Time now);
  bool Wanted(const Lease& lease) const;
  void SetTimes(Lease& lease, Time until, Time now);
  void GiveUpServers(Lease& lease, Time now);

  // --- Telling
  void Store(const Lease& lease);
  void Tell(Lease& lease, v1::AcquireResponse response);
  void TellGranted(Lease& lease, Time now);
  void TellQueued(Lease& lease, const Scheduler::Place& place);
  void TellQueue(Time now);
  void TellServers(const Lease& lease, Time now);
  void TellServersEnd(const Lease& lease, const std::string& why);
  v1::Grant MakeGrant(const Lease& lease, const ServerLink* link, Time now) const;
  v1::Lease ToMessage(const Lease& lease, Time now) const;
  LeaseEvent EventOf(const Lease& lease, Time now) const;

  // --- Rights
  bool MayView(const Policy& policy, const Requester& who, const Lease& lease) const;
  absl::Status CheckMayKick(const Requester& who, const std::vector<std::string>& uids) const;
  // For the scheduler.
  bool MayUse(const std::string& access, const ProbeNames& probe) const;

  const Settings settings_;
  Quota& quota_;
  LeaseObserver& observer_;
  Outbox outbox_;
  std::map<std::string, std::pair<Identity, size_t>> identities_;  // of waiters, and how many there are of each
  Scheduler scheduler_;
  Fleet fleet_;
  std::map<std::string, Lease> leases_;                // by name
  std::map<uint64_t, std::string> names_;              // by number
  std::map<const LeaseClient*, std::string> clients_;  // the names of their leases
  std::set<std::pair<Time, std::string>> due_;
  std::vector<std::string> fresh_;  // requests whose clients have not heard anything yet
  Time next_tell_{};                // when clients are told of their places again
  bool queue_changed_ = false;
  uint64_t next_number_ = 1;
  Past past_;
};

}  // namespace probegate::broker
