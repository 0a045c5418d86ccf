// A probe's port: where its clients connect.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/endpoint.h"
#include "base/mutex.h"
#include "gateway/client/connection.h"
#include "gateway/fleet/served_probe.h"
#include "gateway/metrics/gateway_metrics.h"
#include "gateway/net/net.h"
#include "telemetry/log.h"

namespace probegate {

// Bounds how many clients are connected to all ports together, and counts them in the metrics. Threads: any.
class ConnectionBudget {
 public:
  // `metrics` must outlive it.
  ConnectionBudget(size_t max, GatewayMetrics& metrics) : max_(max), metrics_(metrics) {}

  size_t max() const { return max_; }
  bool Take() {
    if (used_.fetch_add(1) < max_) {
      metrics_.connections.Add(1);
      metrics_.connections_accepted.Add();
      return true;
    }
    used_.fetch_sub(1);
    metrics_.connections_refused.Add();
    return false;
  }
  void GiveBack() {
    used_.fetch_sub(1);
    metrics_.connections.Add(-1);
  }

 private:
  const size_t max_;
  std::atomic<size_t> used_{0};
  GatewayMetrics& metrics_;
};

// Where the gateway's own checks are counted and logged: where nobody sees it, because they are no clients.
struct Uncounted {
  MetricSet set;
  GatewayMetrics metrics{set};
  Log log{LogFormat::kText, LogLevel::kError};
};

// What all ports share. It outlives them.
struct PortContext {
  asio::io_context& io;
  const ConnectionOptions& connection_options;
  ConnectionBudget& budget;
  GatewayMetrics& metrics;
  Log& log;
  Uncounted& uncounted;
};

// Threads: any.
class ProbePort : public std::enable_shared_from_this<ProbePort> {
 public:
  // Listens on `port` (0: any free port) of the loopback interface, or of every interface if `allow_remote`. If it
  // fails, the message names the port and what to do about it.
  static absl::StatusOr<std::shared_ptr<ProbePort>> Listen(const PortContext& context,
                                                           std::shared_ptr<const ServedProbe> probe, uint16_t port,
                                                           bool allow_remote);

  uint16_t port() const { return port_; }
  bool listening() const { return listening_; }

  // The next connection from this address, on loopback, is one of the gateway's own: it is accepted whatever the limit,
  // and not counted.
  void Expect(const Endpoint& from);

  // Stops listening, ends every connection, and tells the clients `reason`.
  void Stop(const std::string& reason);

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Strand>;

  ProbePort(const PortContext& context, std::shared_ptr<const ServedProbe> probe, Acceptor acceptor);

  Task<> Accept();
  void Adopt(Socket socket);
  bool IsExpected(const asio::ip::tcp::endpoint& from);

  const PortContext context_;
  const std::shared_ptr<const ServedProbe> probe_;
  Acceptor acceptor_;
  const uint16_t port_;
  std::atomic<bool> listening_ = true;

  uint64_t last_connection_ = 0;  // the acceptor's strand
  Mutex mutex_;
  std::map<uint64_t, std::weak_ptr<Connection>> connections_ ABSL_GUARDED_BY(mutex_);
  uint16_t expected_ ABSL_GUARDED_BY(mutex_) = 0;  // the port that the last Expect named; 0 once it has come
};

}  // namespace probegate
