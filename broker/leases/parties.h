// The others that leases concern, as the broker's logic sees them: clients that wait for a lease or hold one, servers
// that enforce them, and those who record what happens.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "broker/leases/holder.h"
#include "probegate/broker/v1/leases.pb.h"
#include "probegate/broker/v1/registration.pb.h"

namespace probegate::broker {

// A call of Acquire. Called on the broker's thread; must not block.
class LeaseClient {
 public:
  virtual ~LeaseClient() = default;
  virtual void Tell(const v1::AcquireResponse& response) = 0;
  // The call ends, after what it was told. Nothing is called after this.
  virtual void End(const absl::Status& status) = 0;
};

// A call of Register. Called on the broker's thread; must not block.
class ServerLink {
 public:
  virtual ~ServerLink() = default;
  virtual void Tell(const v1::RegisterResponse& response) = 0;
  // As LeaseClient::End.
  virtual void End(const absl::Status& status) = 0;
};

// What happened to a lease.
struct LeaseEvent {
  std::string lease;
  Requester holder;
  std::vector<std::string> probes;  // that it has or had; empty if it never had any
  std::string note;
  std::string pool;                                   // of its first probe, or of the first that fits
  std::chrono::milliseconds waited{};                 // until it was granted, or ended in the queue
  v1::EndReason reason = v1::END_REASON_UNSPECIFIED;  // if it ended
  std::string why;                                    // if it ended
};

// Called on the broker's thread, once what happened is stored; must not block.
class LeaseObserver {
 public:
  virtual ~LeaseObserver() = default;
  virtual void OnQueued(const LeaseEvent& event) = 0;
  virtual void OnGranted(const LeaseEvent& event) = 0;
  virtual void OnEnded(const LeaseEvent& event) = 0;
  virtual void OnServer(const std::string& host, size_t probes, bool registered) = 0;
  // `reason` is empty if the probe is back in service.
  virtual void OnMaintenance(const Requester& by, const std::string& probe, const std::string& reason) = 0;
};

}  // namespace probegate::broker
