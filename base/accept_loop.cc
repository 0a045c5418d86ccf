#include "base/accept_loop.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace probegate {
namespace {

// How many connections of one listener are accepted before the others have their turn.
constexpr int kPerTurn = 64;
// After the system had no file descriptor left.
constexpr std::chrono::milliseconds kPause{100};

std::unique_ptr<FileDescriptor> OpenReserve() {
  return std::make_unique<FileDescriptor>(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

bool IsExhaustion(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

// The numeric address and the port of a socket.
Endpoint ToEndpoint(const sockaddr_storage& storage, socklen_t size) {
  const auto* const address = reinterpret_cast<const sockaddr*>(&storage);
  const uint16_t port = storage.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(address)->sin6_port
                                                      : reinterpret_cast<const sockaddr_in*>(address)->sin_port;
  return {.host = SocketAddress(address, size).Host(), .port = ntohs(port)};
}

Peer ToPeer(const Endpoint& endpoint) {
  return {.address = endpoint.ToString(), .host = endpoint.host, .client = ClientKey(endpoint.host)};
}

uint16_t PortOf(int socket) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  return ::getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size) == 0 ? ToEndpoint(bound, size).port : 0;
}

// Sockets that listen on all addresses of `at`, or why there are none.
absl::StatusOr<std::vector<FileDescriptor>> ListenAtAll(Endpoint& at) {
  const Resolution found = Resolve(at, at.host.empty() ? AI_PASSIVE : 0);
  if (!found.ok()) return absl::UnavailableError(found.why);
  std::vector<FileDescriptor> sockets;
  int error = 0;
  for (const SocketAddress& resolved : found.addresses) {
    // If port 0 was requested, all get the port of the first.
    OpenedSocket opened = ListenAt(resolved.WithPort(at.port));
    if (opened.error != 0) {
      // A machine without IPv6 may still have names with IPv6 addresses.
      const bool unavailable = opened.error == EADDRNOTAVAIL || opened.error == EAFNOSUPPORT;
      if (!unavailable || error == 0) error = opened.error;
      if (!unavailable) return absl::UnavailableError(ErrorText(error));
      continue;
    }
    const int socket = opened.socket.number();
    if (::fcntl(socket, F_SETFL, O_NONBLOCK) != 0) return absl::UnavailableError(ErrorText(errno));
    at.port = PortOf(socket);
    sockets.push_back(std::move(opened.socket));
  }
  if (sockets.empty()) return absl::UnavailableError(ErrorText(error));
  return sockets;
}

}  // namespace

void ResetConnection(FileDescriptor socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket.number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

struct AcceptLoop::Listener::State {
  Listening listening;
  std::vector<FileDescriptor> sockets;
  std::vector<std::string> expected;  // addresses with ports
};

AcceptLoop::AcceptLoop(AcceptObserver& observer)
    : observer_(observer),
      poll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      reserve_(OpenReserve()) {}

absl::StatusOr<std::unique_ptr<AcceptLoop>> AcceptLoop::Start(AcceptObserver& observer) {
  std::unique_ptr<AcceptLoop> loop(new AcceptLoop(observer));
  if (absl::Status status = loop->Open(); !status.ok()) return status;
  return loop;
}

absl::Status AcceptLoop::Open() {
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake_.number()}};
  if (!poll_.ok() || !wake_.ok() || ::epoll_ctl(poll_.number(), EPOLL_CTL_ADD, wake_.number(), &event) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot accept connections: ", ErrorText(errno)));
  }
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot accept connections: ", error.what()));
  }
  return absl::OkStatus();
}

AcceptLoop::~AcceptLoop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  Wake();
  if (thread_.joinable()) thread_.join();
}

void AcceptLoop::Wake() {
  const uint64_t one = 1;
  (void)!::write(wake_.number(), &one, sizeof(one));
}

absl::StatusOr<std::unique_ptr<AcceptLoop::Listener>> AcceptLoop::Listen(const Endpoint& at, Listening listening) {
  Endpoint actual = at;
  auto sockets = ListenAtAll(actual);
  if (!sockets.ok()) return sockets.status();
  MutexLock lock(mutex_);
  const auto state = listeners_.insert(
      listeners_.end(), Listener::State{.listening = std::move(listening), .sockets = *std::move(sockets), .expected = {}});
  for (const FileDescriptor& socket : state->sockets) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = socket.number()}};
    if (::epoll_ctl(poll_.number(), EPOLL_CTL_ADD, socket.number(), &event) == 0) continue;
    const int error = errno;
    listeners_.erase(state);
    return absl::UnavailableError(ErrorText(error));
  }
  return std::unique_ptr<Listener>(new Listener(*this, std::move(actual), state));
}

AcceptLoop::Listener::~Listener() {
  MutexLock lock(loop_.mutex_);
  loop_.listeners_.erase(state_);  // closing the sockets takes them out of the poll
}

void AcceptLoop::Listener::Expect(const Endpoint& from) {
  MutexLock lock(loop_.mutex_);
  state_->expected.push_back(from.ToString());
}

void AcceptLoop::Run() {
  std::array<epoll_event, 64> events;
  for (;;) {
    const int ready = ::epoll_wait(poll_.number(), events.data(), static_cast<int>(events.size()), -1);
    bool exhausted = false;
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      for (int i = 0; i < ready; ++i) exhausted |= !AcceptAll(events[static_cast<size_t>(i)].data.fd);
    }
    // A listener with connections would wake the loop at once. Only the end of the loop cuts the pause short.
    if (exhausted) WaitFor(wake_.number(), POLLIN, std::chrono::steady_clock::now() + kPause);
  }
}

// Accepts what waits at `socket`. False if the system has no file descriptor left, or no memory.
bool AcceptLoop::AcceptAll(int socket) {
  const auto has_socket = [socket](const Listener::State& state) {
    return std::ranges::any_of(state.sockets, [socket](const auto& one) { return one.number() == socket; });
  };
  const auto found = std::ranges::find_if(listeners_, has_socket);
  if (found == listeners_.end()) return true;  // it was closed meanwhile
  for (int i = 0; i < kPerTurn; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof(from);
    FileDescriptor accepted(
        ::accept4(socket, reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (accepted.ok()) {
      Admit(*found, {.socket = std::move(accepted), .peer = ToPeer(ToEndpoint(from, size)), .place = {}});
    } else if (errno == EAGAIN) {
      return true;
    } else if (IsExhaustion(errno)) {
      observer_.OnAcceptFailed(found->listening.name, errno);
      UseReserve(socket);
      return false;
    }
    // Anything else is an error of the connection that would have been accepted (accept(2)): on to the next.
  }
  return true;
}

void AcceptLoop::Admit(Listener::State& state, AcceptedConnection connection) {
  const Listening& listening = state.listening;
  if (std::erase(state.expected, connection.peer.address) > 0) {
    connection.place = listening.connections.TakeAnyway(connection.peer.client, 1);
    return listening.handler(std::move(connection));
  }
  auto place = listening.connections.Take(connection.peer.client, 1);
  if (place.ok()) {
    connection.place = *std::move(place);
    return listening.handler(std::move(connection));
  }
  observer_.OnRefused(listening.name, connection.peer, std::string(place.status().message()));
  if (listening.refused) return listening.refused(std::move(connection), place.status());
  ResetConnection(std::move(connection.socket));
}

// Resets the connections that wait at `socket`, with the file descriptor that is kept for that.
void AcceptLoop::UseReserve(int socket) {
  reserve_.reset();
  for (int i = 0; i < kPerTurn; ++i) {
    FileDescriptor accepted(::accept4(socket, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!accepted.ok()) break;
    ResetConnection(std::move(accepted));
  }
  reserve_ = OpenReserve();
}

}  // namespace probegate
