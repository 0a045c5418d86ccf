#include "broker/grpc/register_call.h"

#include "broker/leases/lease_checks.h"

namespace probegate::broker {

RegisterCall* RegisterCall::Start(LeaseLoop& loop, grpc::CallbackServerContext& context) {
  const std::shared_ptr<RegisterCall> call(new RegisterCall(loop, context));
  call->Begin();
  return call.get();
}

absl::Status RegisterCall::Check(const v1::RegisterRequest& request) {
  if (request.has_hello() == std::exchange(begun_, true)) {
    return absl::InvalidArgumentError("the first request must contain `hello`, and no other may");
  }
  if (request.has_hello()) return CheckHello(request.hello());
  return request.has_probe() ? CheckReport(request.probe()) : absl::OkStatus();
}

void RegisterCall::OnRequest(v1::RegisterRequest request) {
  if (absl::Status wrong = Check(request); !wrong.ok()) return End(wrong);
  loop_.Post([self = Self(), request = std::move(request)](LeaseBook& book, LeaseLoop::Clock::time_point now) {
    if (request.has_hello()) {
      book.Register(self, request.hello(), now);
    } else {
      book.Hear(self.get(), request, now);
    }
    self->Finished();
  });
}

void RegisterCall::OnGone() {
  loop_.Post([self = Self()](LeaseBook& book, LeaseLoop::Clock::time_point now) { book.Unregister(self.get(), now); });
}

}  // namespace probegate::broker
