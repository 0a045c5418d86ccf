#include "debug/grpc/config_call.h"

#include <string>
#include <utility>

#include "base/grpc/to_status.h"

namespace probegate {

void ConfigCall::Begin(absl::StatusOr<DebugConfig> config, size_t bytes) {
  self_ = shared_from_this();
  absl::Status status = config.status();
  if (status.ok()) status = Admit(bytes);
  if (!status.ok()) return End(status);
  config_ = *std::move(config);
  context_.timers.At(Timers::Clock::now() + kBound, self_, [this] {
    End(absl::DeadlineExceededError("the file system or the servers did not answer within 10 seconds"));
  });
  context_.elf_disk.Run([self = self_] { self->FindFiles(); });
}

absl::Status ConfigCall::Admit(size_t bytes) {
  auto place = context_.quotas.calls.Take(caller_.key, 1, caller_.limits.connections);
  if (!place.ok()) return place.status();
  auto memory = context_.quotas.memory.Take(caller_.key, bytes, caller_.limits.bytes);
  if (!memory.ok()) return memory.status();
  place_ = *std::move(place);
  memory_ = *std::move(memory);
  return absl::OkStatus();
}

void ConfigCall::FindFiles() {
  {
    MutexLock lock(mutex_);
    if (ended_) return;
  }
  auto plan = StartPlan(config_, context_.sources);
  if (!plan.ok()) return End(plan.status());
  plan_ = *std::move(plan);
  context_.sources.list_probes([self = shared_from_this()](const ProbesAnswer& probes) { self->Answer(probes); });
}

void ConfigCall::Answer(const ProbesAnswer& probes) {
  if (const absl::Status status = AddProbe(config_, caller_, context_.sources.access, probes, plan_); !status.ok())
    return End(status);
  grpc::ByteBuffer bytes;
  if (const grpc::Status written = write_(Describe(plan_), config_, bytes); !written.ok()) {
    return End(absl::InternalError(written.error_message()));
  }
  MutexLock lock(mutex_);
  if (std::exchange(ended_, true)) return;
  response_.Swap(&bytes);
  Finish(grpc::Status::OK);
}

void ConfigCall::End(const absl::Status& status) {
  MutexLock lock(mutex_);
  if (!std::exchange(ended_, true)) Finish(ToStatus(status));
}

}  // namespace probegate
