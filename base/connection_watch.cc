#include "base/connection_watch.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/socket.h"
#include "base/start_thread.h"

namespace probegate {

ConnectionWatch::ConnectionWatch()
    : poll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

absl::StatusOr<std::unique_ptr<ConnectionWatch>> ConnectionWatch::Start() {
  std::unique_ptr<ConnectionWatch> watch(new ConnectionWatch);
  if (absl::Status status = watch->Open(); !status.ok()) return status;
  return watch;
}

absl::Status ConnectionWatch::Open() {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = 0}};
  if (!poll_.ok() || !wake_.ok() || ::epoll_ctl(poll_.number(), EPOLL_CTL_ADD, wake_.number(), &event) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot watch connections: ", ErrorText(errno)));
  }
  return StartThread(thread_, "watching connections", [this] { Run(); });
}

ConnectionWatch::~ConnectionWatch() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  const uint64_t one = 1;
  (void)!::write(wake_.number(), &one, sizeof(one));
  if (thread_.joinable()) thread_.join();
}

bool ConnectionWatch::Add(int socket, Connection connection) {
  FileDescriptor duplicate(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
  if (!duplicate.ok()) return false;
  MutexLock lock(mutex_);
  const uint64_t number = ++last_;
  // A connection that is shut down in both directions has hung up (EPOLLHUP), which is always reported. Edges, because
  // an error alone (EPOLLERR) would be reported again and again.
  epoll_event event{.events = EPOLLET, .data = {.u64 = number}};
  if (::epoll_ctl(poll_.number(), EPOLL_CTL_ADD, duplicate.number(), &event) != 0) return false;
  connections_.emplace(number, Watched{std::move(duplicate), std::move(connection)});
  return true;
}

size_t ConnectionWatch::size() const {
  MutexLock lock(mutex_);
  return connections_.size();
}

void ConnectionWatch::ForEach(const std::function<void(uint64_t number, int socket, const Peer& peer)>& visit) const {
  MutexLock lock(mutex_);
  for (const auto& [number, watched] : connections_) visit(number, watched.socket.number(), watched.connection.peer);
}

void ConnectionWatch::Run() {
  std::array<epoll_event, 64> events;
  for (;;) {
    const int ready = ::epoll_wait(poll_.number(), events.data(), static_cast<int>(events.size()), -1);
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
    }
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if ((event.events & EPOLLHUP) != 0) End(event.data.u64);
    }
  }
}

void ConnectionWatch::End(uint64_t number) {
  std::function<void()> ended;
  {
    MutexLock lock(mutex_);
    const auto found = connections_.find(number);
    if (found == connections_.end()) return;
    ended = std::move(found->second.connection.ended);
    connections_.erase(found);
  }
  if (ended) ended();
}

}  // namespace probegate
