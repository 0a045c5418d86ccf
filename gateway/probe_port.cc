#include "gateway/probe_port.h"

#include <cerrno>

#include "absl/status/status.h"
#include "base/socket.h"

namespace probegate {
namespace {

using asio::ip::tcp;

absl::Status ListenError(uint16_t port, const std::string& uid, std::string_view why) {
  const std::string number = std::to_string(port);
  if (why == ErrorText(EADDRINUSE)) {
    return absl::AlreadyExistsError(
        "port " + number + ", wanted for debug probe " + uid +
        ", is in use by another program: stop that, or choose another one with --port, or for this probe with --map " +
        uid + "=PORT");
  }
  return absl::UnavailableError("cannot listen on port " + number + " for debug probe " + uid + ": " +
                                std::string(why) + "; choose another one with --port, or for this probe with --map " +
                                uid + "=PORT");
}

// Why a client is refused, and what helps.
std::string RefusalText(const Quota& connections, const std::string& client) {
  const QuotaLimits& limits = connections.limits();
  if (connections.taken_by(client) >= limits.per_client) {
    return "this address already has " + std::to_string(limits.per_client) +
           " connections to the gateway: close some, or raise --max-connections-per-client";
  }
  return "the gateway already has " + std::to_string(limits.all) +
         " connections: close some, or raise --max-connections";
}

}  // namespace

absl::StatusOr<std::shared_ptr<ProbePort>> ProbePort::Listen(const PortContext& context,
                                                             std::shared_ptr<const ServedProbe> probe, uint16_t port,
                                                             const Admission& admission) {
  const std::string uid = probe->unique_id();
  const std::shared_ptr<ProbePort> self(new ProbePort(context, std::move(probe)));
  // Plain pointers: the listener is gone before the port is, and then calls neither of them.
  auto listener = context.accept_loop.Listen(
      {.host = admission.remote ? "" : "127.0.0.1", .port = port},
      {.name = "the port of debug probe " + uid,
       .connections = context.connections.bounds.connections,
       .handler = [port = self.get()](AcceptedConnection accepted) { port->Admit(std::move(accepted)); },
       .refused = [port = self.get()](AcceptedConnection accepted,
                                      const absl::Status&) { port->Refuse(std::move(accepted)); },
       .allow_from = admission.from,
       .own_user_only = admission.own_user_only});
  if (!listener.ok()) return ListenError(port, uid, std::string(listener.status().message()));
  self->port_ = (*listener)->endpoint().port;
  const MutexLock lock(self->listener_mutex_);
  self->listener_ = *std::move(listener);
  return self;
}

void ProbePort::Admit(AcceptedConnection accepted) {
  const GatewayMetrics& metrics = accepted.own ? context_.uncounted.metrics : context_.connections.metrics;
  const auto connection = Adopt(std::move(accepted), true);
  if (!connection) return;
  metrics.connections.Add(1);
  metrics.connections_accepted.Add();
  connection->Start();
}

void ProbePort::Refuse(AcceptedConnection accepted) {
  context_.connections.metrics.connections_refused.Add();
  ClientBounds& bounds = context_.connections.bounds;
  auto place = bounds.refusals.Take(accepted.peer.client, 1);
  if (!place.ok()) return ResetConnection(std::move(accepted.socket));
  accepted.place = *std::move(place);
  std::string reason = RefusalText(bounds.connections, accepted.peer.client);
  if (const auto connection = Adopt(std::move(accepted), false)) connection->Refuse(std::move(reason));
}

// The connection of the client; null if it is gone already.
std::shared_ptr<Connection> ProbePort::Adopt(AcceptedConnection accepted, bool welcome) {
  const bool is_v6 = accepted.peer.host.find(':') != std::string::npos;
  Socket socket(asio::make_strand(context_.io));
  asio::error_code error;
  socket.assign(is_v6 ? tcp::v6() : tcp::v4(), accepted.socket.number(), error);
  if (error) return nullptr;
  accepted.socket.Release();
  const ConnectionContext& of_clients = context_.connections;
  const ConnectionContext context{of_clients.options, of_clients.bounds,
                                  accepted.own ? context_.uncounted.metrics : of_clients.metrics,
                                  accepted.own ? context_.uncounted.log : of_clients.log};
  const MutexLock lock(mutex_);
  const uint64_t number = ++last_connection_;
  auto on_closed = [self = shared_from_this(), number, welcome, &metrics = context.metrics] {
    if (welcome) metrics.connections.Add(-1);
    const MutexLock closing(self->mutex_);
    self->connections_.erase(number);
  };
  const auto connection = std::make_shared<Connection>(
      Connection::Accepted{
          .socket = std::move(socket), .peer = std::move(accepted.peer), .place = std::move(accepted.place)},
      probe_, context, std::move(on_closed));
  connections_.emplace(number, connection);
  return connection;
}

bool ProbePort::listening() const {
  const MutexLock lock(listener_mutex_);
  return listener_ != nullptr;
}

void ProbePort::Expect(const Endpoint& from) {
  const MutexLock lock(listener_mutex_);
  if (listener_ != nullptr) listener_->Expect(from);
}

void ProbePort::Stop(const std::string& reason) {
  {
    const MutexLock lock(listener_mutex_);
    listener_ = nullptr;
  }
  std::map<uint64_t, std::weak_ptr<Connection>> connections;
  {
    const MutexLock lock(mutex_);
    connections = connections_;
  }
  for (const auto& [number, weak] : connections) {
    if (const auto connection = weak.lock()) connection->End(reason);
  }
}

}  // namespace probegate
