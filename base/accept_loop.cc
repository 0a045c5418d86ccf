#include "base/accept_loop.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/socket_owner.h"
#include "base/start_thread.h"
#include "base/unix_socket.h"

namespace probegate {
namespace {

// How many connections of one listener are accepted before the others have their turn.
constexpr int kPerTurn = 64;
// After the system had no file descriptor left.
constexpr std::chrono::milliseconds kPause{100};
// How often another port is tried if the system chooses it.
constexpr int kPortAttempts = 16;
// Connections that are expected and have not come yet. The oldest are forgotten.
constexpr size_t kMaxExpected = 16;
// If the kernel does not say who is at the other end of a unix socket: its user "nobody".
constexpr UnixPeer kNobody{.uid = 65534, .pid = 0};

std::unique_ptr<FileDescriptor> OpenReserve() {
  return std::make_unique<FileDescriptor>(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

bool IsExhaustion(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

Peer ToPeer(const Endpoint& endpoint) {
  return {.address = endpoint.ToString(), .host = endpoint.host, .client = ClientKey(endpoint.host)};
}

// A connection from `from`.
AcceptedConnection Accepted(FileDescriptor socket, const SocketAddress& from) {
  if (from.family() != AF_UNIX) {
    return {.socket = std::move(socket), .peer = ToPeer(from.ToEndpoint()), .place = {}, .own = false};
  }
  const UnixPeer peer = PeerOfUnixSocket(socket.number()).value_or(kNobody);
  return {.socket = std::move(socket), .peer = PeerWithUid(peer.uid), .place = {}, .own = peer.pid == ::getpid()};
}

// The addresses of `at`, each once: a resolver may return an address for each line of /etc/hosts that has it.
absl::StatusOr<std::vector<SocketAddress>> AddressesOf(const Endpoint& at) {
  const Resolution found = Resolve(at, at.host.empty() ? AI_PASSIVE : 0);
  if (!found.ok()) return absl::UnavailableError(found.why);
  std::vector<SocketAddress> addresses;
  for (const SocketAddress& one : found.addresses) {
    const auto same = [&one](const SocketAddress& other) { return other.Host() == one.Host(); };
    if (std::ranges::none_of(addresses, same)) addresses.push_back(one);
  }
  return addresses;
}

// Why a connection is reset whatever the quota says; nothing if it may be accepted.
std::optional<std::string> NotAllowed(const AcceptLoop::Listening& listening, const AcceptedConnection& connection) {
  if (!listening.allow_from.empty() && !Contains(listening.allow_from, connection.peer.host)) {
    return "connections from this address are not allowed (--allow-from)";
  }
  if (!listening.own_user_only) return std::nullopt;
  const auto owner = OwnerOfPeer(connection.socket.number());
  const std::string only = absl::StrCat("only programs of uid ", ::geteuid(), " may connect (--own-user-only), ");
  if (!owner.ok()) return absl::StrCat(only, "and whose this one is cannot be found out: ", owner.status().message());
  if (*owner != ::geteuid()) return absl::StrCat(only, "and this one is of uid ", *owner);
  return std::nullopt;
}

struct Opened {
  std::vector<FileDescriptor> sockets;
  uint16_t port = 0;
  int error = 0;
};

// Sockets that listen on all of `addresses`. If port 0 was requested, all get the port of the first.
Opened ListenOn(const std::vector<SocketAddress>& addresses, uint16_t port) {
  Opened all{.sockets = {}, .port = port};
  int missing = 0;
  for (const SocketAddress& address : addresses) {
    OpenedSocket one = ListenAt(address.WithPort(all.port), /*ipv6_only=*/addresses.size() > 1);
    // A machine without IPv6 may still have names with IPv6 addresses.
    if (one.error == EADDRNOTAVAIL || one.error == EAFNOSUPPORT) {
      missing = one.error;
      continue;
    }
    if (one.error == 0 && ::fcntl(one.socket.number(), F_SETFL, O_NONBLOCK) != 0) one.error = errno;
    if (one.error != 0) return {.sockets = {}, .port = port, .error = one.error};
    all.port = LocalEndpoint(one.socket.number()).port;
    all.sockets.push_back(std::move(one.socket));
  }
  if (all.sockets.empty()) all.error = missing;
  return all;
}

absl::StatusOr<Opened> ListenAtAll(const Endpoint& at) {
  const auto addresses = AddressesOf(at);
  if (!addresses.ok()) return addresses.status();
  Opened opened = ListenOn(*addresses, at.port);
  // The system chose a port that is free at the first address only.
  for (int i = 0; i < kPortAttempts && at.port == 0 && opened.error == EADDRINUSE; ++i) {
    opened = ListenOn(*addresses, at.port);
  }
  if (opened.error != 0) return absl::UnavailableError(ErrorText(opened.error));
  return opened;
}

}  // namespace

void ResetConnection(FileDescriptor socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket.number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

struct AcceptLoop::Listener::State {
  Listening listening;
  std::unique_ptr<UnixListener> unix_listener;  // instead of `sockets`
  std::vector<FileDescriptor> sockets;
  std::vector<std::string> expected;  // addresses with ports

  std::vector<int> numbers() const;  // of all sockets that listen
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
  return StartThread(thread_, "accepting connections", [this] { Run(); });
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

std::vector<int> AcceptLoop::Listener::State::numbers() const {
  std::vector<int> all;
  for (const FileDescriptor& socket : sockets) all.push_back(socket.number());
  if (unix_listener != nullptr) all.push_back(unix_listener->socket());
  return all;
}

absl::StatusOr<std::unique_ptr<AcceptLoop::Listener>> AcceptLoop::Listen(const Endpoint& at, Listening listening) {
  Listener::State listener{.listening = std::move(listening), .unix_listener = {}, .sockets = {}, .expected = {}};
  uint16_t port = 0;
  if (at.is_unix()) {
    auto opened = UnixListener::Listen(at.host, listener.listening.group);
    if (!opened.ok()) return opened.status();
    listener.unix_listener = *std::move(opened);
  } else {
    auto opened = ListenAtAll(at);
    if (!opened.ok()) return opened.status();
    listener.sockets = std::move(opened->sockets);
    port = opened->port;
  }
  MutexLock lock(mutex_);
  const auto state = listeners_.insert(listeners_.end(), std::move(listener));
  for (const int socket : state->numbers()) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = socket}};
    if (::epoll_ctl(poll_.number(), EPOLL_CTL_ADD, socket, &event) == 0) continue;
    const int error = errno;
    listeners_.erase(state);
    return absl::UnavailableError(ErrorText(error));
  }
  return std::unique_ptr<Listener>(new Listener(*this, {.host = at.host, .port = port}, state));
}

AcceptLoop::Listener::~Listener() {
  MutexLock lock(loop_.mutex_);
  loop_.listeners_.erase(state_);  // closing the sockets takes them out of the poll
}

void AcceptLoop::Listener::Expect(const Endpoint& from) {
  MutexLock lock(loop_.mutex_);
  if (state_->expected.size() == kMaxExpected) state_->expected.erase(state_->expected.begin());
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
    return std::ranges::count(state.numbers(), socket) > 0;
  };
  const auto found = std::ranges::find_if(listeners_, has_socket);
  if (found == listeners_.end()) return true;  // it was closed meanwhile
  if (!reserve_->ok()) reserve_ = OpenReserve();
  for (int i = 0; i < kPerTurn; ++i) {
    sockaddr_storage storage{};
    auto* const from = reinterpret_cast<sockaddr*>(&storage);
    socklen_t size = sizeof(storage);
    FileDescriptor accepted(::accept4(socket, from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (accepted.ok()) {
      Admit(*found, Accepted(std::move(accepted), SocketAddress(from, size)));
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
  if (connection.own || std::erase(state.expected, connection.peer.address) > 0) {
    connection.own = true;
    connection.peer.client = kOwnClient;
    connection.place = listening.connections.TakeAnyway(kOwnClient, 1);
    return listening.handler(std::move(connection));
  }
  if (const auto why = NotAllowed(listening, connection)) {
    observer_.OnRefused(listening.name, connection.peer, *why);
    return ResetConnection(std::move(connection.socket));
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
