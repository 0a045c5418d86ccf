// The two services of probegate-broker. Each call passes the gate, and is then answered by the broker's thread.
#pragma once

#include <string>

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "access/audit_log.h"
#include "access/grpc/call_gate.h"
#include "broker/leases/lease_book.h"
#include "broker/leases/lease_loop.h"
#include "probegate/broker/v1/leases.grpc.pb.h"
#include "probegate/broker/v1/registration.grpc.pb.h"

namespace probegate::broker {

// None of the methods blocks.
class LeasesService final : public v1::Leases::CallbackService {
 public:
  // All must outlive the server. `audit` is null if there is no audit log; if it cannot be written, nothing is leased.
  LeasesService(LeaseLoop& loop, const CallGate& gate, const AuditLog* audit)
      : loop_(loop), gate_(gate), audit_(audit) {}

  grpc::ServerBidiReactor<v1::AcquireRequest, v1::AcquireResponse>* Acquire(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context, const v1::RenewRequest* request,
                                  v1::RenewResponse* response) override;
  grpc::ServerUnaryReactor* Release(grpc::CallbackServerContext* context, const v1::ReleaseRequest* request,
                                    v1::ReleaseResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                v1::GetResponse* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context, const v1::ListRequest* request,
                                 v1::ListResponse* response) override;
  grpc::ServerUnaryReactor* SetMaintenance(grpc::CallbackServerContext* context,
                                           const v1::SetMaintenanceRequest* request,
                                           v1::SetMaintenanceResponse* response) override;
  grpc::ServerUnaryReactor* Revoke(grpc::CallbackServerContext* context, const v1::RevokeRequest* request,
                                   v1::RevokeResponse* response) override;

 private:
  // Has `answer` fill in the response on the broker's thread, and sends it once what it did is stored.
  // absl::Status answer(LeaseBook& book, const Requester& who, LeaseLoop::Clock::time_point now)
  template <typename Answer>
  grpc::ServerUnaryReactor* Run(const char* method, grpc::CallbackServerContext& context, Answer answer);

  LeaseLoop& loop_;
  const CallGate& gate_;
  const AuditLog* const audit_;
};

class RegistrationService final : public v1::Registration::CallbackService {
 public:
  // Both must outlive the server.
  RegistrationService(LeaseLoop& loop, const CallGate& gate) : loop_(loop), gate_(gate) {}

  grpc::ServerBidiReactor<v1::RegisterRequest, v1::RegisterResponse>* Register(
      grpc::CallbackServerContext* context) override;

 private:
  LeaseLoop& loop_;
  const CallGate& gate_;
};

}  // namespace probegate::broker
