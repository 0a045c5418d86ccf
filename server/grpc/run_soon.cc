#include "server/grpc/run_soon.h"

#include <memory>
#include <utility>

#include <grpc/support/time.h>
#include <grpcpp/alarm.h>

namespace probegate {

void RunSoon(std::function<void()> what) {
  auto alarm = std::make_shared<grpc::Alarm>();
  // The alarm keeps its function, and so itself, until the function has moved the pointer away.
  alarm->Set(gpr_now(GPR_CLOCK_MONOTONIC), [own = alarm, what = std::move(what)](bool) mutable {
    const std::shared_ptr<grpc::Alarm> until_done = std::move(own);
    std::exchange(what, nullptr)();
  });
}

}  // namespace probegate
