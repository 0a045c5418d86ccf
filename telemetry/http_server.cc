#include "telemetry/http_server.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <future>
#include <system_error>
#include <utility>

#include <civetweb.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/socket.h"

namespace probegate {
namespace {

constexpr char kThreads[] = "4";                  // so that a few silent clients do not block others
constexpr char kPatienceMilliseconds[] = "1000";  // with a client that is silent, or does not read
constexpr char kPlainText[] = "text/plain; charset=utf-8";
constexpr char kMetricsText[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr char kHttpDate[] = "%a, %d %b %Y %H:%M:%S GMT";  // RFC 9110 §5.6.7
constexpr std::chrono::milliseconds kBetweenKnocks{5};

// IPv4 before IPv6, as clients of a name such as localhost try both.
const SocketAddress& Choose(const std::vector<SocketAddress>& addresses) {
  const auto is_v4 = [](const SocketAddress& address) { return address.family() == AF_INET; };
  const auto v4 = std::find_if(addresses.begin(), addresses.end(), is_v4);
  return v4 == addresses.end() ? addresses.front() : *v4;
}

// CivetWeb puts the reason in parentheses after the error number.
std::string Reason(const std::string& complaint) {
  const size_t open = complaint.rfind('(');
  if (open == std::string::npos || !complaint.ends_with(')')) return complaint;
  return complaint.substr(open + 1, complaint.size() - open - 2);
}

absl::Status CannotListen(const Endpoint& listen, const std::string& why) {
  return absl::UnavailableError(absl::StrCat("cannot serve metrics on ", listen.ToString(), ": ", why,
                                             "; use --metrics-listen with another address, or with none"));
}

// Threads that are started while this object lives do not receive signals, because the program waits for signals
// elsewhere.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// Connects to `address`, and leaves again.
void Knock(const Endpoint& address) {
  const Resolution found = Resolve(address);
  if (found.ok()) ConnectTo(found.addresses.front(), std::chrono::steady_clock::now());
}

}  // namespace

struct HttpServer::Library {
  Library() { mg_init_library(MG_FEATURES_DEFAULT); }
  ~Library() { mg_exit_library(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

struct HttpServer::Reply {
  int status = 200;
  std::string body;
  const char* type = kPlainText;
};

HttpServer::HttpServer(MetricSet& metrics, Missing missing)
    : metrics_(metrics), missing_(std::move(missing)), library_(std::make_unique<Library>()) {}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const Endpoint& listen, MetricSet& metrics,
                                                              Missing missing) {
  std::unique_ptr<HttpServer> server(new HttpServer(metrics, std::move(missing)));
  if (absl::Status status = server->Listen(listen); !status.ok()) return status;
  return server;
}

absl::Status HttpServer::Listen(const Endpoint& listen) {
  endpoint_ = listen;
  // CivetWeb accepts names, too, but its error for a name that it cannot resolve is of no use.
  const Resolution found = Resolve(listen);
  if (!found.ok()) return CannotListen(listen, found.why);
  address_ = Choose(found.addresses).Host();
  if (address_.find(':') != std::string::npos && mg_check_feature(MG_FEATURES_IPV6) == 0) {
    return CannotListen(listen, "the CivetWeb library of this system does not support IPv6");
  }
  const std::string ports = Endpoint{address_, listen.port}.ToString();
  // The last option accepts requests whose full URL has any host name.
  const char* options[] = {"listening_ports",
                           ports.c_str(),
                           "num_threads",
                           kThreads,
                           "request_timeout_ms",
                           kPatienceMilliseconds,
                           "enable_keep_alive",
                           "no",
                           "enable_directory_listing",
                           "no",
                           "enable_auth_domain_check",
                           "no",
                           nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = &HttpServer::OnRequest;
  callbacks.log_message = &HttpServer::OnMessage;
  mg_init_data init{&callbacks, this, options};
  {
    const SignalsBlocked blocked;
    context_ = mg_start2(&init, nullptr);
  }
  if (context_ == nullptr) {
    MutexLock lock(mutex_);
    return CannotListen(listen, Reason(complaint_));
  }
  mg_server_port port{};
  mg_get_server_ports(context_, 1, &port);
  endpoint_.port = static_cast<uint16_t>(port.port);
  return absl::OkStatus();
}

HttpServer::~HttpServer() {
  if (context_ == nullptr) return;
  const SignalsBlocked blocked;
  // CivetWeb checks only every two seconds, or when a client connects, whether it should stop.
  std::future<void> stopped;
  try {
    stopped = std::async(std::launch::async, mg_stop, context_);
  } catch (const std::system_error&) {
    mg_stop(context_);  // without a thread, this has to wait for CivetWeb's next check
    return;
  }
  while (stopped.wait_for(kBetweenKnocks) != std::future_status::ready) Knock({address_, endpoint_.port});
}

HttpServer::Reply HttpServer::Metrics() const { return {.body = metrics_.Expose(), .type = kMetricsText}; }

HttpServer::Reply HttpServer::Health() const { return {.body = "ok\n"}; }

HttpServer::Reply HttpServer::Readiness() const {
  const std::vector<std::string> missing = missing_();
  if (missing.empty()) return {.body = "ready\n"};
  return {.status = 503, .body = absl::StrCat(absl::StrJoin(missing, "\n"), "\n")};
}

HttpServer::Reply HttpServer::MakeReply(std::string_view method, std::string_view path) const {
  struct Page {
    std::string_view path;
    Reply (HttpServer::*make)() const;
  };
  static constexpr Page kPages[] = {
      {"/metrics", &HttpServer::Metrics}, {"/healthz", &HttpServer::Health}, {"/readyz", &HttpServer::Readiness}};
  for (const Page& page : kPages) {
    if (path != page.path) continue;
    if (method != "GET" && method != "HEAD") return {.status = 405, .body = "only GET and HEAD are allowed here\n"};
    try {
      return (this->*page.make)();
    } catch (const std::exception& error) {  // must not propagate through CivetWeb
      return {.status = 500, .body = absl::StrCat(error.what(), "\n")};
    }
  }
  const auto name = [](std::string* out, const Page& page) { out->append(page.path); };
  return {.status = 404, .body = absl::StrCat("not found; the pages are ", absl::StrJoin(kPages, ", ", name), "\n")};
}

int HttpServer::OnRequest(mg_connection* connection) {
  const mg_request_info& request = *mg_get_request_info(connection);
  const std::string_view method = request.request_method;
  const Reply reply = static_cast<HttpServer*>(request.user_data)->MakeReply(method, request.local_uri);
  // This also prevents CivetWeb from reading the request's body, which might never end.
  mg_disable_connection_keep_alive(connection);
  // This fails if the client asked for a WebSocket, for example. Then there is no reply to which a body could belong.
  if (mg_response_header_start(connection, reply.status) != 0) return 400;
  // CivetWeb's own date comes from gmtime, which is not thread-safe.
  mg_response_header_add(connection, "Date", absl::FormatTime(kHttpDate, absl::Now(), absl::UTCTimeZone()).c_str(), -1);
  mg_response_header_add(connection, "Content-Type", reply.type, -1);
  mg_response_header_add(connection, "Content-Length", std::to_string(reply.body.size()).c_str(), -1);
  if (reply.status == 405) mg_response_header_add(connection, "Allow", "GET, HEAD", -1);
  mg_response_header_send(connection);
  if (method != "HEAD") mg_write(connection, reply.body.data(), reply.body.size());
  return reply.status;
}

int HttpServer::OnMessage(const mg_connection* connection, const char* text) {
  auto* server = static_cast<HttpServer*>(mg_get_user_data(mg_get_context(connection)));
  MutexLock lock(server->mutex_);
  if (server->complaint_.empty()) server->complaint_ = text;
  return 1;  // so that CivetWeb does not write it to standard error
}

}  // namespace probegate
