#include "tests/usbemu/preload_channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace probegate::usbemu {
namespace {

constexpr uint64_t kDone = 3;
constexpr uint64_t kReadMemory = 5;
constexpr uint64_t kWriteMemory = 6;

using Words = std::array<uint64_t, 3>;

constexpr int kLimit = 10'000;  // ms

// For a non-blocking socket: waits until the other side makes progress. Returns whether it does.
bool WaitFor(int fd, int16_t events) {
  pollfd waited = {.fd = fd, .events = events};
  int ready = 0;
  do {
    ready = poll(&waited, 1, kLimit);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

bool WouldBlock(ssize_t result) { return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK); }

}  // namespace

PreloadChannel::PreloadChannel(int fd) : fd_(fd) {}

std::optional<PreloadChannel::Request> PreloadChannel::Receive() {
  Words words{};
  if (!ReadAll({reinterpret_cast<uint8_t*>(words.data()), sizeof(words)})) return std::nullopt;
  return Request{static_cast<Call>(words[0]), words[1], words[2]};
}

bool PreloadChannel::Read(uint64_t address, std::span<uint8_t> bytes) {
  if (bytes.empty()) return true;
  Append(kReadMemory, address, bytes.size());
  return Flush() && ReadAll(bytes);
}

void PreloadChannel::Write(uint64_t address, std::span<const uint8_t> bytes) {
  if (bytes.empty()) return;
  Append(kWriteMemory, address, bytes.size());
  out_.insert(out_.end(), bytes.begin(), bytes.end());
}

void PreloadChannel::Answer(long result, int error) {
  Append(kDone, static_cast<uint64_t>(result), static_cast<uint64_t>(error));
  Flush();
}

void PreloadChannel::Append(uint64_t command, uint64_t first, uint64_t second) {
  const Words words = {command, first, second};
  const auto* bytes = reinterpret_cast<const uint8_t*>(words.data());
  out_.insert(out_.end(), bytes, bytes + sizeof(words));
}

bool PreloadChannel::Flush() {
  size_t sent = 0;
  while (sent < out_.size()) {
    const ssize_t count = send(fd_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (WouldBlock(count) && WaitFor(fd_, POLLOUT)) continue;
    if (count <= 0) break;
    sent += static_cast<size_t>(count);
  }
  const bool all = sent == out_.size();
  out_.clear();
  return all;
}

bool PreloadChannel::ReadAll(std::span<uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = recv(fd_, bytes.data(), bytes.size(), 0);
    if (WouldBlock(count) && WaitFor(fd_, POLLIN)) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace probegate::usbemu
