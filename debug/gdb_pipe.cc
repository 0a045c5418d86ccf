#include "debug/gdb_pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace probegate {
namespace {

constexpr size_t kMaxWaitingOutput = size_t{64} << 10;

}  // namespace

absl::StatusOr<FileDescriptor> GdbPipe::OpenInput() {
  auto pipe = MakePipe();
  if (!pipe.ok()) return pipe.status();
  // MakePipe makes the read end non-blocking, but here it is gdb that reads.
  ::fcntl(pipe->read.number(), F_SETFL, 0);
  ::fcntl(pipe->write.number(), F_SETFL, O_NONBLOCK);
  gdb_input_.emplace(std::move(pipe->write));
  return std::move(pipe->read);
}

void GdbPipe::SetInput(std::string bytes, Quota::Grant grant) {
  input_ = std::move(bytes);
  input_grant_ = std::move(grant);
  WriteInput();
}

void GdbPipe::WriteInput() {
  if (!gdb_input_ || input_.empty()) return;
  const ssize_t written = ::write(gdb_input_->number(), input_.data(), input_.size());
  if (written > 0) {
    input_.erase(0, static_cast<size_t>(written));
    bytes_in_ += static_cast<uint64_t>(written);
    metrics_.bytes_in.Add(static_cast<double>(written));
  } else if (written < 0 && errno != EAGAIN && errno != EINTR) {
    // gdb has closed its input and is about to end.
    input_.clear();
    gdb_input_.reset();
  }
  input_grant_.ShrinkTo(input_.size());
}

bool GdbPipe::MayRead(Clock::time_point now, bool ignore_rate) {
  const std::chrono::duration<double> passed = now - std::exchange(refilled_, now);
  allowance_ = std::min(output_bytes_per_second_, allowance_ + passed.count() * output_bytes_per_second_);
  return output_open_ && (allowance_ > 0 || ignore_rate) && output_.empty() && !output_outstanding_;
}

bool GdbPipe::Read(Stage& gdb) {
  std::string bytes;
  output_open_ = gdb.Read(bytes);
  if (bytes.empty()) return false;
  gdb.Look(bytes, nullptr);
  allowance_ -= static_cast<double>(bytes.size());
  bytes_out_ += bytes.size();
  metrics_.bytes_out.Add(static_cast<double>(bytes.size()));
  output_ += bytes;
  return true;
}

void GdbPipe::AddOutput(const std::string& bytes) {
  if (output_.size() < kMaxWaitingOutput) output_ += bytes;
}

std::optional<std::string> GdbPipe::NextOutput() {
  if (output_.empty() || output_outstanding_) return std::nullopt;
  output_outstanding_ = true;
  return std::exchange(output_, {});
}

}  // namespace probegate
