// What passes between gdb and the client of a session.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "debug/session.h"

namespace probegate {

bool DebugSession::MayReadGdb(Clock::time_point now) {
  const std::chrono::duration<double> passed = now - std::exchange(refilled_, now);
  const double rate = context_.limits.output_bytes_per_second;
  allowance_ = std::min(rate, allowance_ + passed.count() * rate);
  // A client that does not read stops gdb, whose pipe is then full. Once gdb has ended, what that holds is all there
  // is.
  return gdb_output_open_ && (allowance_ > 0 || end_) && output_.empty() && !output_outstanding_;
}

void DebugSession::ReadGdb() {
  Stage& gdb = *stages_[DebugMetrics::kGdb];
  std::string bytes;
  gdb_output_open_ = gdb.Read(bytes);
  if (bytes.empty()) return;
  gdb.Look(bytes, nullptr);
  allowance_ -= static_cast<double>(bytes.size());
  bytes_out_ += bytes.size();
  context_.metrics.bytes_out.Add(static_cast<double>(bytes.size()));
  output_ += bytes;
  last_word_ = Clock::now();
  if (!std::exchange(gdb_spoke_, true)) OnReady(DebugMetrics::kGdb);
}

void DebugSession::SendOutput() {
  if (output_.empty() || output_outstanding_) return;
  output_outstanding_ = true;
  client_->OnOutput(std::exchange(output_, {}));
}

void DebugSession::WriteGdb() {
  if (!stdin_ || input_.empty()) return;
  const ssize_t written = ::write(stdin_->number(), input_.data(), input_.size());
  if (written > 0) {
    input_.erase(0, static_cast<size_t>(written));
    bytes_in_ += static_cast<uint64_t>(written);
    context_.metrics.bytes_in.Add(static_cast<double>(written));
  } else if (written < 0 && errno != EAGAIN && errno != EINTR) {
    // It has closed its input, and is about to end.
    input_.clear();
    stdin_.reset();
  }
}

void DebugSession::TellEnd() {
  client_->OnEnd(*end_);
  const Clock::time_point until = Clock::now() + kPatience;
  while (true) {
    {
      MutexLock lock(mutex_);
      if (notes_.end_taken) return;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return client_->GiveUp();
    pollfd file{.fd = wake_.number(), .events = POLLIN};
    ::poll(&file, 1, static_cast<int>(left));
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.number(), &count, sizeof count);
  }
}

}  // namespace probegate
