// A program's metrics and its health over HTTP, for Prometheus and for whatever else monitors the program.
//
//   GET /metrics   all metrics of its MetricSet, in Prometheus' text format 0.0.4
//   GET /healthz   200 "ok" for as long as the program serves, or 503 and a line for each reason to restart it
//   GET /readyz    200 "ready", or 503 and a line for each thing that is missing
//
// HEAD is answered like GET, without the body. Other methods get 405, other paths 404. Each connection carries one
// request.
//
// The port is often open to a whole network, and health checks come through it. So connections that are of no use must
// not keep others out: one that has not sent a whole request after ten seconds is closed, however busily it sends, and
// so is one that has not read its reply ten seconds later. If the limit for connections is reached, the oldest one
// without a whole request makes room for a new one, first among those of the same client.
//
// A server that listens on loopback answers only requests whose Host is a name or address of loopback, or the one it
// was told to listen on. Otherwise any web page could read the metrics: its domain's name can be made to resolve to
// 127.0.0.1 (DNS rebinding).
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/accept_loop.h"
#include "base/endpoint.h"
#include "base/file_descriptor.h"
#include "base/mutex.h"
#include "base/quota.h"
#include "telemetry/metrics.h"

struct MHD_Connection;
struct MHD_Daemon;

namespace probegate {

// What keeps a program from doing its work, one line for each thing, for people to read; empty if there is nothing.
// Called on any thread; must not block for long.
using Problems = std::function<std::vector<std::string>()>;

struct HealthPages {
  Problems not_ready;  // for /readyz
  Problems not_alive;  // for /healthz: what only a restart can mend; null if there is no such thing
};

struct HttpTimeouts {
  std::chrono::milliseconds request{10'000};  // from the connection to a whole request
  std::chrono::milliseconds reply{10'000};    // from the request to the end of the connection
};

// Uses GNU libmicrohttpd, with one thread, which receives no signals.
class HttpServer {
 public:
  // Listens on all addresses of `listen`; port 0 picks a free port. `accept_loop`, `connections`, which bounds the
  // connections, and `metrics` must outlive the server. Blocks while a name is looked up. The error is one line with
  // the address, why the server cannot listen on it, and what to do.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(AcceptLoop& accept_loop, const Endpoint& listen,
                                                           Quota& connections, MetricSet& metrics, HealthPages health,
                                                           const HttpTimeouts& timeouts = {});

  // Closes all connections, and waits for the reply that is being made, if any.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // With the actual port if port 0 was requested.
  const Endpoint& endpoint() const { return listener_->endpoint(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Reply;
  struct Visit;  // a connection, as its thread knows it
  struct Callbacks;

  HttpServer(Quota& connections, MetricSet& metrics, HealthPages health, const HttpTimeouts& timeouts);

  absl::Status Open(AcceptLoop& accept_loop, const Endpoint& listen);
  // Called on the accept loop's thread. A connection that exceeds the quota has no place.
  void Hand(AcceptedConnection connection);

  // The thread's own steps.
  void Run();
  void Wait();
  bool TakeArrived();
  std::list<Visit>::iterator FindVisit(int socket);
  void MakeRoom(const std::string& client);
  void CloseOverdue();
  static void Close(Visit& visit);
  Reply MakeReply(std::string_view method, std::string_view url, const char* host) const;
  Reply Metrics() const;
  Reply Health() const;
  Reply Readiness() const;
  bool AcceptsHost(std::string_view host) const;

  Quota& connections_;
  MetricSet& metrics_;
  const HealthPages health_;
  const HttpTimeouts timeouts_;
  std::string listen_host_;
  bool on_loopback_ = false;

  FileDescriptor wake_;
  MHD_Daemon* daemon_ = nullptr;
  std::list<Visit> visits_;  // the thread's own, in the order of their arrival

  Mutex mutex_;
  std::vector<AcceptedConnection> arrived_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::unique_ptr<AcceptLoop::Listener> listener_;
  std::thread thread_;
};

}  // namespace probegate
