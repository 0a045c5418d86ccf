#include "telemetry/http_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <optional>
#include <utility>

#include <microhttpd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/ignoring_case.h"
#include "base/printable.h"
#include "base/socket.h"
#include "base/start_thread.h"

namespace probegate {
namespace {

constexpr char kPlainText[] = "text/plain; charset=utf-8";
constexpr char kMetricsText[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr size_t kRequestBytes = 16 * 1024;  // the longest request: its line and its headers
// How many connections may wait to be taken over by the thread. More are reset: the thread does not keep up.
constexpr size_t kMostArrived = 256;

absl::Status CannotListen(const Endpoint& listen, const std::string& why) {
  return absl::UnavailableError(absl::StrCat("cannot serve metrics on ", listen.ToString(), ": ", why,
                                             "; use --metrics-listen with another address, or with none"));
}

// Whether only this machine can connect to `listen`, a name or an address.
bool IsOnLoopback(const Endpoint& listen) {
  if (IsLoopback(listen.host)) return true;
  const Resolution found = Resolve(listen);
  const auto is_loopback = [](const SocketAddress& address) { return IsLoopback(address.Host()); };
  return found.ok() && std::ranges::all_of(found.addresses, is_loopback);
}

// "name" of "name:80", "::1" of "[::1]:80".
std::string_view WithoutPort(std::string_view authority) {
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    return end == std::string_view::npos ? authority : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.find(':'));
}

// The parts of a request's URL, which is usually only a path, but may also be a whole URL (RFC 9112 §3.2.2).
struct RequestTarget {
  std::string_view authority;  // empty if the URL is only a path
  std::string_view path;
};

RequestTarget ParseTarget(std::string_view url) {
  const size_t scheme = url.find("://");
  if (url.starts_with('/') || scheme == std::string_view::npos) return {.authority = {}, .path = url};
  const std::string_view rest = url.substr(scheme + 3);
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return {.authority = rest, .path = "/"};
  return {.authority = rest.substr(0, slash), .path = rest.substr(slash)};
}

int SocketOf(MHD_Connection* connection) {
  return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

}  // namespace

struct HttpServer::Reply {
  unsigned status = MHD_HTTP_OK;
  std::string body;
  const char* type = kPlainText;
};

struct HttpServer::Visit {
  int socket;  // libmicrohttpd owns it
  std::string client;
  Quota::Grant place;
  Clock::time_point deadline;
  bool asked = false;   // the request is there
  bool closed = false;  // shut down; libmicrohttpd will notice
};

// What libmicrohttpd calls.
struct HttpServer::Callbacks {
  static MHD_Result OnRequest(void* server, MHD_Connection* connection, const char* url, const char* method,
                              const char* /*version*/, const char* /*upload*/, size_t* /*size*/, void** /*state*/) {
    auto& self = *static_cast<HttpServer*>(server);
    const auto visit = self.FindVisit(SocketOf(connection));
    if (visit != self.visits_.end()) {
      visit->asked = true;
      visit->deadline = Clock::now() + self.timeouts_.reply;
    }
    const Reply reply =
        self.MakeReply(method, url, MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST));
    // libmicrohttpd declares the buffer as writable, but copies it.
    MHD_Response* const response =
        MHD_create_response_from_buffer(reply.body.size(), const_cast<char*>(reply.body.data()), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;  // closes the connection
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (reply.status == MHD_HTTP_METHOD_NOT_ALLOWED) {
      MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    // Replying before the request's body has arrived means that the body, which might never end, is not read.
    const MHD_Result queued = MHD_queue_response(connection, reply.status, response);
    MHD_destroy_response(response);
    return queued;
  }

  static void OnConnection(void* server, MHD_Connection* connection, void** /*state*/,
                           MHD_ConnectionNotificationCode what) {
    auto& self = *static_cast<HttpServer*>(server);
    if (what != MHD_CONNECTION_NOTIFY_CLOSED) return;
    const auto visit = self.FindVisit(SocketOf(connection));
    if (visit != self.visits_.end()) self.visits_.erase(visit);
  }
};

HttpServer::HttpServer(Quota& connections, MetricSet& metrics, HealthPages health, const HttpTimeouts& timeouts)
    : connections_(connections),
      metrics_(metrics),
      health_(std::move(health)),
      timeouts_(timeouts),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(AcceptLoop& accept_loop, const Endpoint& listen,
                                                              Quota& connections, MetricSet& metrics,
                                                              HealthPages health, const HttpTimeouts& timeouts) {
  std::unique_ptr<HttpServer> server(new HttpServer(connections, metrics, std::move(health), timeouts));
  if (absl::Status status = server->Open(accept_loop, listen); !status.ok()) return status;
  return server;
}

absl::Status HttpServer::Open(AcceptLoop& accept_loop, const Endpoint& listen) {
  listen_host_ = listen.host;
  on_loopback_ = IsOnLoopback(listen);
  daemon_ =
      MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, nullptr, nullptr, &Callbacks::OnRequest, this,
                       MHD_OPTION_NOTIFY_CONNECTION, &Callbacks::OnConnection, this, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                       kRequestBytes, MHD_OPTION_CONNECTION_LIMIT, ~0U, MHD_OPTION_END);
  if (daemon_ == nullptr || !wake_.ok()) return CannotListen(listen, "the system has no file descriptor left");
  auto listener = accept_loop.Listen(
      listen, {.name = "metrics",
               .connections = connections_,
               .handler = [this](AcceptedConnection connection) { Hand(std::move(connection)); },
               .refused = [this](AcceptedConnection connection, const absl::Status&) { Hand(std::move(connection)); }});
  if (!listener.ok()) return CannotListen(listen, std::string(listener.status().message()));
  listener_ = *std::move(listener);
  return StartThread(thread_, "serving metrics", [this] { Run(); });
}

HttpServer::~HttpServer() {
  listener_.reset();  // from now on, Hand is not called
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  const uint64_t one = 1;
  (void)!::write(wake_.number(), &one, sizeof(one));
  if (thread_.joinable()) thread_.join();
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);  // closes the connections
}

void HttpServer::Hand(AcceptedConnection connection) {
  {
    MutexLock lock(mutex_);
    if (arrived_.size() < kMostArrived) {
      arrived_.push_back(std::move(connection));
      const uint64_t one = 1;
      (void)!::write(wake_.number(), &one, sizeof(one));
      return;
    }
  }
  ResetConnection(std::move(connection.socket));
}

void HttpServer::Run() {
  for (;;) {
    Wait();
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
    }
    // What has arrived on older connections is answered before any of them has to make room.
    MHD_run(daemon_);
    while (TakeArrived()) MHD_run(daemon_);
    CloseOverdue();
  }
}

// Waits until a connection arrives, something happens on one of those that are there, or one of them is overdue.
void HttpServer::Wait() {
  std::optional<Clock::time_point> until;
  for (const Visit& visit : visits_) {
    if (!visit.closed && (!until || visit.deadline < *until)) until = visit.deadline;
  }
  int timeout = -1;
  if (until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now());
    timeout = static_cast<int>(std::max<int64_t>(left.count(), 0));
  }
  MHD_UNSIGNED_LONG_LONG wanted = 0;
  if (MHD_get_timeout(daemon_, &wanted) == MHD_YES) {
    timeout = static_cast<int>(timeout < 0 ? std::min<uint64_t>(wanted, 1000) : std::min<uint64_t>(wanted, timeout));
  }
  const int events = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  std::array<pollfd, 2> files = {
      {{.fd = wake_.number(), .events = POLLIN, .revents = 0}, {.fd = events, .events = POLLIN, .revents = 0}}};
  ::poll(files.data(), files.size(), timeout);
  uint64_t ignored = 0;
  (void)!::read(wake_.number(), &ignored, sizeof(ignored));
}

// Takes over the connections that have been accepted. False if there are none.
bool HttpServer::TakeArrived() {
  std::vector<AcceptedConnection> arrived;
  {
    MutexLock lock(mutex_);
    arrived.swap(arrived_);
  }
  for (AcceptedConnection& connection : arrived) {
    if (!connection.place) {
      MakeRoom(connection.peer.client);
      connection.place = connections_.TakeAnyway(connection.peer.client, 1);
    }
    const int socket = connection.socket.Release();
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    ::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size);
    visits_.push_back({.socket = socket,
                       .client = connection.peer.client,
                       .place = std::move(connection.place),
                       .deadline = Clock::now() + timeouts_.request});
    // libmicrohttpd closes the socket if it fails.
    if (MHD_add_connection(daemon_, socket, reinterpret_cast<sockaddr*>(&address), size) != MHD_YES) {
      const auto visit = FindVisit(socket);
      if (visit != visits_.end()) visits_.erase(visit);
    }
  }
  return !arrived.empty();
}

std::list<HttpServer::Visit>::iterator HttpServer::FindVisit(int socket) {
  return std::ranges::find_if(visits_, [socket](const Visit& visit) { return visit.socket == socket; });
}

// Closes the oldest connection that has not sent a whole request: of `client` if that has its share, otherwise of any.
// If all have sent one, closes the oldest of those that do not read their replies.
void HttpServer::MakeRoom(const std::string& client) {
  const bool share = connections_.taken_by(client) >= connections_.limits().per_client;
  const auto find = [&](bool asked) {
    return std::ranges::find_if(visits_, [&](const Visit& visit) {
      return !visit.closed && visit.asked == asked && (!share || visit.client == client);
    });
  };
  auto oldest = find(false);
  if (oldest == visits_.end()) oldest = find(true);
  if (oldest != visits_.end()) Close(*oldest);
}

void HttpServer::CloseOverdue() {
  const Clock::time_point now = Clock::now();
  for (Visit& visit : visits_) {
    if (!visit.closed && visit.deadline <= now) Close(visit);
  }
}

// libmicrohttpd cannot be told to close a connection, but closes one that has come to its end.
void HttpServer::Close(Visit& visit) {
  visit.closed = true;
  visit.place.GiveBack();
  ::shutdown(visit.socket, SHUT_RDWR);
}

bool HttpServer::AcceptsHost(std::string_view host) const {
  return !on_loopback_ || IsLoopback(host) || EqualsIgnoringCase(host, "localhost") ||
         EqualsIgnoringCase(host, listen_host_);
}

HttpServer::Reply HttpServer::Metrics() const { return {.body = metrics_.Expose(), .type = kMetricsText}; }

HttpServer::Reply HttpServer::Health() const {
  const std::vector<std::string> problems = health_.not_alive ? health_.not_alive() : std::vector<std::string>();
  if (problems.empty()) return {.body = "ok\n"};
  return {.status = MHD_HTTP_SERVICE_UNAVAILABLE, .body = absl::StrCat(absl::StrJoin(problems, "\n"), "\n")};
}

HttpServer::Reply HttpServer::Readiness() const {
  const std::vector<std::string> problems = health_.not_ready();
  if (problems.empty()) return {.body = "ready\n"};
  return {.status = MHD_HTTP_SERVICE_UNAVAILABLE, .body = absl::StrCat(absl::StrJoin(problems, "\n"), "\n")};
}

HttpServer::Reply HttpServer::MakeReply(std::string_view method, std::string_view url, const char* host) const {
  struct Page {
    std::string_view path;
    Reply (HttpServer::*make)() const;
  };
  static constexpr Page kPages[] = {
      {"/metrics", &HttpServer::Metrics}, {"/healthz", &HttpServer::Health}, {"/readyz", &HttpServer::Readiness}};
  const RequestTarget target = ParseTarget(url);
  for (const std::string_view authority : {std::string_view(host != nullptr ? host : ""), target.authority}) {
    const std::string_view name = WithoutPort(authority);
    if (authority.empty() || AcceptsHost(name)) continue;
    return {.status = MHD_HTTP_FORBIDDEN,
            .body = absl::StrCat("the request is for the host ", Printable(std::string(name)),
                                 ", but this port is only for this machine: use localhost or ", listen_host_, "\n")};
  }
  for (const Page& page : kPages) {
    if (target.path != page.path) continue;
    if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
      return {.status = MHD_HTTP_METHOD_NOT_ALLOWED, .body = "only GET and HEAD are allowed here\n"};
    }
    try {
      return (this->*page.make)();
    } catch (const std::exception& error) {  // must not propagate through libmicrohttpd
      return {.status = MHD_HTTP_INTERNAL_SERVER_ERROR, .body = absl::StrCat(error.what(), "\n")};
    }
  }
  const auto name = [](std::string* out, const Page& page) { out->append(page.path); };
  return {.status = MHD_HTTP_NOT_FOUND,
          .body = absl::StrCat("not found; the pages are ", absl::StrJoin(kPages, ", ", name), "\n")};
}

}  // namespace probegate
