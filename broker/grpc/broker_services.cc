#include "broker/grpc/broker_services.h"

#include <utility>

#include "access/grpc/refused_call.h"
#include "base/grpc/to_status.h"
#include "broker/grpc/acquire_call.h"
#include "broker/grpc/register_call.h"
#include "broker/grpc/requester_of.h"

namespace probegate::broker {
namespace {

using Time = LeaseLoop::Clock::time_point;

constexpr char kLeases[] = "/probegate.broker.v1.Leases/";

// Moves the message of a result into the response.
template <typename Message>
absl::Status Take(absl::StatusOr<Message> result, Message& message) {
  if (!result.ok()) return result.status();
  message = *std::move(result);
  return absl::OkStatus();
}

}  // namespace

grpc::ServerBidiReactor<v1::AcquireRequest, v1::AcquireResponse>* LeasesService::Acquire(
    grpc::CallbackServerContext* context) {
  using Refused = RefusedCall<grpc::ServerBidiReactor<v1::AcquireRequest, v1::AcquireResponse>>;
  const auto caller = gate_.Admit(std::string(kLeases) + "Acquire", *context);
  if (!caller.ok()) return new Refused(ToStatus(caller.status()));
  if (const absl::Status writable = CheckWritable(audit_); !writable.ok()) return new Refused(ToStatus(writable));
  return AcquireCall::Start(loop_, RequesterOf(*caller), *context);
}

template <typename Answer>
grpc::ServerUnaryReactor* LeasesService::Run(const char* method, grpc::CallbackServerContext& context, Answer answer) {
  grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
  const auto caller = gate_.Admit(std::string(kLeases) + method, context);
  if (!caller.ok()) {
    reactor->Finish(ToStatus(caller.status()));
    return reactor;
  }
  loop_.Post([reactor, who = RequesterOf(*caller), answer](LeaseBook& book, Time now) {
    const absl::Status status = answer(book, who, now);
    book.After([reactor, status] { reactor->Finish(ToStatus(status)); });
  });
  return reactor;
}

grpc::ServerUnaryReactor* LeasesService::Renew(grpc::CallbackServerContext* context, const v1::RenewRequest* request,
                                               v1::RenewResponse* response) {
  return Run("Renew", *context, [=](LeaseBook& book, const Requester& who, Time now) {
    return Take(book.Renew(who, *request, now), *response->mutable_lease());
  });
}

grpc::ServerUnaryReactor* LeasesService::Release(grpc::CallbackServerContext* context,
                                                 const v1::ReleaseRequest* request, v1::ReleaseResponse*) {
  return Run("Release", *context,
             [=](LeaseBook& book, const Requester& who, Time now) { return book.Release(who, *request, now); });
}

grpc::ServerUnaryReactor* LeasesService::Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                             v1::GetResponse* response) {
  return Run("Get", *context, [=](LeaseBook& book, const Requester& who, Time now) {
    return Take(book.Get(who, *request, now), *response->mutable_lease());
  });
}

grpc::ServerUnaryReactor* LeasesService::List(grpc::CallbackServerContext* context, const v1::ListRequest*,
                                              v1::ListResponse* response) {
  return Run("List", *context, [=](LeaseBook& book, const Requester& who, Time now) {
    *response = book.List(who, now);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* LeasesService::SetMaintenance(grpc::CallbackServerContext* context,
                                                        const v1::SetMaintenanceRequest* request,
                                                        v1::SetMaintenanceResponse*) {
  return Run("SetMaintenance", *context,
             [=](LeaseBook& book, const Requester& who, Time) { return book.SetMaintenance(who, *request); });
}

grpc::ServerUnaryReactor* LeasesService::Revoke(grpc::CallbackServerContext* context, const v1::RevokeRequest* request,
                                                v1::RevokeResponse*) {
  return Run("Revoke", *context,
             [=](LeaseBook& book, const Requester& who, Time now) { return book.Revoke(who, *request, now); });
}

grpc::ServerBidiReactor<v1::RegisterRequest, v1::RegisterResponse>* RegistrationService::Register(
    grpc::CallbackServerContext* context) {
  using Refused = RefusedCall<grpc::ServerBidiReactor<v1::RegisterRequest, v1::RegisterResponse>>;
  const auto caller = gate_.Admit("/probegate.broker.v1.Registration/Register", *context);
  if (!caller.ok()) return new Refused(ToStatus(caller.status()));
  return RegisterCall::Start(loop_, *context);
}

}  // namespace probegate::broker
