#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "tests/bench/load.h"
#include "tests/bench/sockets.h"

namespace probegate::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kReadDpidr = "{\"id\":0,\"request\":\"read_dp\",\"arguments\":[0]}\n";
constexpr std::string_view kHelloAndOpen =
    "{\"id\":0,\"request\":\"hello\",\"arguments\":[1]}\n{\"id\":1,\"request\":\"open\"}\n";
constexpr size_t kHelloAndOpenReplies = 2;
constexpr int kStuckMilliseconds = 10'000;

// Waits for events on many sockets, which are identified by their indexes.
class Poller {
 public:
  Poller() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  }
  ~Poller() { ::close(fd_); }
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void Set(int operation, int socket, uint32_t events, size_t index) const {
    epoll_event event{.events = events, .data = {.u64 = index}};
    if (::epoll_ctl(fd_, operation, socket, &event) != 0) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
  }

  // Waits until at least one socket is ready, and calls `handle(index)` for each that is.
  template <typename Handle>
  void Wait(Handle handle) const {
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(fd_, events.data(), events.size(), kStuckMilliseconds);
    if (count <= 0) throw std::runtime_error("no reply for 10 s");
    for (int i = 0; i < count; ++i) handle(static_cast<size_t>(events[static_cast<size_t>(i)].data.u64));
  }

 private:
  int fd_;
};

void Warm(JsonLines& lines) {
  for (int i = 0; i < 100; ++i) lines.Call(kReadDpidr);
}

}  // namespace

Latencies JsonLatency(const Address& address, size_t count) {
  JsonLines lines(address);
  lines.Attach();
  Warm(lines);
  Latencies latencies;
  latencies.reserve(count);
  while (latencies.size() < count) {
    const auto start = Clock::now();
    lines.Call(kReadDpidr);
    latencies.push_back(Clock::now() - start);
  }
  return latencies;
}

Throughput JsonPipeline(const Address& address, size_t depth, size_t batches) {
  JsonLines lines(address);
  lines.Attach();
  Warm(lines);
  std::string batch;
  for (size_t i = 0; i < depth; ++i) batch += kReadDpidr;
  const auto start = Clock::now();
  for (size_t i = 0; i < batches; ++i) {
    lines.Send(batch);
    for (size_t replies = 0; replies < depth;) replies += lines.TakeReplies();
  }
  return {.requests = depth * batches, .elapsed = Clock::now() - start};
}

Throughput JsonConcurrent(const Address& address, size_t clients, std::chrono::milliseconds duration) {
  std::vector<JsonLines> connections;
  connections.reserve(clients);
  const Poller poller;
  for (size_t i = 0; i < clients; ++i) {
    connections.emplace_back(address).Attach();
    poller.Set(EPOLL_CTL_ADD, connections[i].socket().fd(), EPOLLIN, i);
  }
  const auto start = Clock::now();
  for (const JsonLines& connection : connections) connection.Send(kReadDpidr);
  size_t requests = 0;
  while (Clock::now() - start < duration) {
    poller.Wait([&](size_t i) {
      for (size_t replies = connections[i].TakeReplies(); replies > 0; --replies, ++requests) {
        connections[i].Send(kReadDpidr);
      }
    });
  }
  return {.requests = requests, .elapsed = Clock::now() - start};
}

Latencies JsonConnectAtOnce(const Address& address, size_t clients) {
  std::vector<JsonLines> connections;
  connections.reserve(clients);
  std::vector<size_t> missing(clients, kHelloAndOpenReplies);
  std::vector<bool> asked(clients, false);
  const Poller poller;
  Latencies served;
  const auto start = Clock::now();
  for (size_t i = 0; i < clients; ++i) {
    connections.emplace_back(address, Socket::Mode::kNonBlocking);
    poller.Set(EPOLL_CTL_ADD, connections[i].socket().fd(), EPOLLOUT, i);
  }
  while (served.size() < clients) {
    poller.Wait([&](size_t i) {
      if (!asked[i]) {
        connections[i].Send(kHelloAndOpen);
        asked[i] = true;
        poller.Set(EPOLL_CTL_MOD, connections[i].socket().fd(), EPOLLIN, i);
        return;
      }
      missing[i] -= connections[i].TakeReplies();
      if (missing[i] == 0) served.push_back(Clock::now() - start);
    });
  }
  return served;
}

}  // namespace probegate::bench
