#include "debug/session_notes.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace probegate {

SessionNotes::SessionNotes(size_t max_input_bytes, Quota& memory, std::string client)
    : max_input_bytes_(max_input_bytes),
      memory_(memory),
      client_(std::move(client)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void SessionNotes::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.number(), &one, sizeof one);
}

void SessionNotes::ReadWakeUps() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_.number(), &count, sizeof count);
}

void SessionNotes::AddInput(std::string bytes) {
  Quota::Grant before;  // given back without the lock, because that may call others
  {
    MutexLock lock(mutex_);
    if (input_.empty()) {
      input_ = std::move(bytes);
    } else {
      input_ += bytes;
    }
    if (input_.size() > max_input_bytes_ && !end_) {
      end_ = DebugEnd(DebugEndCause::kInputLimit,
                      "more than " + std::to_string(max_input_bytes_) +
                          " bytes of input are waiting for gdb, which is not reading them (--max-input)");
    }
    // gdb will not read it any more.
    if (end_) std::string().swap(input_);
    before = std::exchange(input_grant_, memory_.TakeAnyway(client_, input_.size()));
  }
  Wake();
}

void SessionNotes::ProbesListed(const ProbesAnswer& probes) {
  {
    MutexLock lock(mutex_);
    probes_ = probes;
  }
  Wake();
}

void SessionNotes::Interrupt() {
  {
    MutexLock lock(mutex_);
    interrupt_ = true;
  }
  Wake();
}

void SessionNotes::CheckAccess() {
  {
    MutexLock lock(mutex_);
    check_access_ = true;
  }
  Wake();
}

void SessionNotes::HalfClose() {
  {
    MutexLock lock(mutex_);
    half_closed_ = true;
  }
  Wake();
}

void SessionNotes::OutputTaken() {
  {
    MutexLock lock(mutex_);
    output_taken_ = true;
  }
  Wake();
}

void SessionNotes::EndTaken() {
  {
    MutexLock lock(mutex_);
    end_taken_ = true;
  }
  Wake();
}

void SessionNotes::End(DebugEnd end) {
  {
    MutexLock lock(mutex_);
    if (!end_) end_ = std::move(end);
  }
  Wake();
}

SessionNotes::Taken SessionNotes::Take(bool with_input) {
  MutexLock lock(mutex_);
  Taken taken;
  if (with_input) {
    taken.input = std::exchange(input_, {});
    taken.input_grant = std::move(input_grant_);
  }
  taken.probes = std::exchange(probes_, {});
  taken.more_input = !input_.empty();
  taken.half_closed = half_closed_;
  taken.interrupt = std::exchange(interrupt_, false);
  taken.check_access = std::exchange(check_access_, false);
  taken.output_taken = std::exchange(output_taken_, false);
  taken.end = end_;
  return taken;
}

bool SessionNotes::WaitForEndTaken(Clock::time_point until) {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (end_taken_) return true;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    pollfd file{.fd = wake_.number(), .events = POLLIN};
    ::poll(&file, 1, static_cast<int>(left));
    ReadWakeUps();
  }
}

}  // namespace probegate
