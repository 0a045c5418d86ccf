// A program's metrics and its health over HTTP, for Prometheus and for whatever else monitors the program.
//
//   GET /metrics   all metrics of its MetricSet, in Prometheus' text format 0.0.4
//   GET /healthz   200 "ok" for as long as the program runs
//   GET /readyz    200 "ready", or 503 and a line for each thing that is missing
//
// HEAD is answered like GET, without the body. Other methods get 405, other paths 404. Each connection carries one
// request: with a scrape every few seconds, keeping connections open gains nothing, and each would occupy a thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/endpoint.h"
#include "base/mutex.h"
#include "telemetry/metrics.h"

struct mg_connection;
struct mg_context;

namespace probegate {

// Uses CivetWeb, with a few threads of its own, which receive no signals. A client that is slow to send its request or
// to read the reply is disconnected after a second or two; until then, other clients may have to wait.
//
// Debian's CivetWeb does not support IPv6: if Start is called with such an address, its error says so.
class HttpServer {
 public:
  // What prevents the program from being ready, one line for each thing; empty if it is ready. Called on any thread,
  // and on several at the same time; must not block for long.
  using Missing = std::function<std::vector<std::string>()>;

  // Listens on `listen`; port 0 picks a free port. `metrics` must outlive the server. Blocks while a name is looked up.
  // The error is one line with the address, why the server cannot listen on it, and what to do.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const Endpoint& listen, MetricSet& metrics, Missing missing);

  // Ends the requests that are being answered and waits for them: up to a second or two if a client hangs. Connections
  // that no thread has accepted yet stay open until the program ends. Takes up to two seconds more if the system has no
  // thread left.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // With the actual port if port 0 was requested.
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  struct Library;  // initializes CivetWeb, which counts its users
  struct Reply;

  HttpServer(MetricSet& metrics, Missing missing);

  absl::Status Listen(const Endpoint& listen);
  Reply MakeReply(std::string_view method, std::string_view path) const;
  Reply Metrics() const;
  Reply Health() const;
  Reply Readiness() const;
  static int OnRequest(mg_connection* connection);
  static int OnMessage(const mg_connection* connection, const char* text);

  MetricSet& metrics_;
  const Missing missing_;
  const std::unique_ptr<Library> library_;
  Mutex mutex_;
  std::string complaint_ ABSL_GUARDED_BY(mutex_);  // the first message that CivetWeb logged
  Endpoint endpoint_;
  std::string address_;  // the numeric address of endpoint_'s host
  mg_context* context_ = nullptr;
};

}  // namespace probegate
