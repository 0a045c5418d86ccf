#include "broker/grpc/acquire_call.h"

namespace probegate::broker {

AcquireCall* AcquireCall::Start(LeaseLoop& loop, Requester who, grpc::CallbackServerContext& context) {
  const std::shared_ptr<AcquireCall> call(new AcquireCall(loop, std::move(who), context));
  call->Begin();
  return call.get();
}

void AcquireCall::OnRequest(v1::AcquireRequest request) {
  const bool first = !std::exchange(begun_, true);
  const bool begins = request.has_lease() || request.has_resume();
  if (first != begins || request.request_case() == v1::AcquireRequest::REQUEST_NOT_SET) {
    return End(absl::InvalidArgumentError(first ? "the first request must contain `lease` or `resume`"
                                                : "after the first request, only `release` may follow"));
  }
  loop_.Post([self = Self(), request = std::move(request)](LeaseBook& book, LeaseLoop::Clock::time_point now) {
    if (request.has_lease()) {
      book.Acquire(self, self->who_, request.lease(), now);
    } else if (request.has_resume()) {
      book.Resume(self, self->who_, request.resume(), now);
    } else {
      book.HangUp(self.get(), /*released=*/true, now);
    }
    self->Finished();
  });
}

void AcquireCall::OnGone() {
  loop_.Post([self = Self()](LeaseBook& book, LeaseLoop::Clock::time_point now) {
    book.HangUp(self.get(), /*released=*/false, now);
  });
}

// A client that reads slowly only needs its latest place in the queue.
bool AcquireCall::Replaces(const v1::AcquireResponse& last, const v1::AcquireResponse& next) const {
  return last.has_queued() && next.has_queued();
}

}  // namespace probegate::broker
