// What a program says of itself over HTTP, for Prometheus and for whatever watches the program.
//
//   GET /metrics   everything of its MetricSet, in Prometheus' text format 0.0.4
//   GET /healthz   200 "ok" for as long as the program runs
//   GET /readyz    200 "ready", or 503 and a line for each thing that is missing
//
// HEAD answers as GET does, without the body. Other methods get 405, other paths 404. Each connection carries one
// request: a scrape every few seconds gains nothing from more, and a connection that stays open holds a thread.
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

// Serves from its own few threads, on CivetWeb. They take no signals. A client that is slow to ask or to read loses its
// connection after a second or two, and others may wait for their turn until then.
//
// Debian's CivetWeb knows no IPv6: Start says so where it is asked for such an address.
class HttpServer {
 public:
  // What keeps the program from being ready, a line each for a person; empty when it is ready. Called on any thread, by
  // several at once; must not block long.
  using Missing = std::function<std::vector<std::string>()>;

  // Listens on `listen`, whose port 0 takes a free one. `metrics` must outlive the server. Blocks for a name's look-up.
  // Error: one line with the address, why nobody can listen there, and what to do.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const Endpoint& listen, MetricSet& metrics, Missing missing);

  // Ends the requests that are being answered, and waits for them: a second or two where a client hangs. Connections
  // that no thread has come to yet end with the program. Takes up to two seconds more where the system has no thread
  // left.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // With the real port where 0 was asked for.
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  struct Library;  // CivetWeb's count of its users
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
  std::string complaint_ ABSL_GUARDED_BY(mutex_);  // the first thing that CivetWeb had to say
  Endpoint endpoint_;
  std::string address_;  // that of endpoint_, in figures
  mg_context* context_ = nullptr;
};

}  // namespace probegate
