// A probe's port: where its clients connect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/accept_loop.h"
#include "base/address_range.h"
#include "base/endpoint.h"
#include "base/mutex.h"
#include "gateway/client/connection.h"
#include "gateway/fleet/served_probe.h"
#include "gateway/metrics/gateway_metrics.h"
#include "gateway/net/net.h"
#include "telemetry/log.h"

namespace probegate {

// Where the gateway's own checks are counted and logged: where nobody sees it, because they are no clients.
struct Uncounted {
  MetricSet set;
  GatewayMetrics metrics{set};
  Log log{LogFormat::kText, LogLevel::kError};
};

// What all ports share. It outlives them.
struct PortContext {
  asio::io_context& io;
  AcceptLoop& accept_loop;
  ConnectionContext connections;
  Uncounted& uncounted;
};

// Who may connect to a probe's port.
struct Admission {
  bool remote = false;                  // other machines, too
  std::vector<AddressRange> from = {};  // only these addresses; empty: all
  bool own_user_only = false;           // only programs of this program's user
};

// Threads: any.
class ProbePort : public std::enable_shared_from_this<ProbePort> {
 public:
  // Listens on `port` (0: any free port) of the loopback interface, or of every interface, as `admission` says. If it
  // fails, the message names the port and what to do about it.
  static absl::StatusOr<std::shared_ptr<ProbePort>> Listen(const PortContext& context,
                                                           std::shared_ptr<const ServedProbe> probe, uint16_t port,
                                                           const Admission& admission);

  uint16_t port() const { return port_; }
  bool listening() const;

  // The next connection from this address, on loopback, is one of the gateway's own: it is accepted whatever the limit,
  // and not counted.
  void Expect(const Endpoint& from);

  // Stops listening, ends every connection, and tells the clients `reason`. Waits for the accept loop's thread if that
  // is handing over a connection, which it does without blocking.
  void Stop(const std::string& reason);

 private:
  ProbePort(const PortContext& context, std::shared_ptr<const ServedProbe> probe)
      : context_(context), probe_(std::move(probe)) {}

  // Both are called on the accept loop's thread.
  void Admit(AcceptedConnection accepted);
  void Refuse(AcceptedConnection accepted);
  std::shared_ptr<Connection> Adopt(AcceptedConnection accepted, bool welcome);

  const PortContext context_;
  const std::shared_ptr<const ServedProbe> probe_;
  uint16_t port_ = 0;

  // Not mutex_, which handlers take on the accept loop's thread while Stop waits for them.
  mutable Mutex listener_mutex_;
  std::unique_ptr<AcceptLoop::Listener> listener_ ABSL_GUARDED_BY(listener_mutex_);  // null once stopped

  Mutex mutex_;
  uint64_t last_connection_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::weak_ptr<Connection>> connections_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace probegate
