// All programs of the project serve gRPC with this class: their own services, health (grpc.health.v1) and reflection,
// on one port.
//
// Connections are accepted by the program's AcceptLoop, within a quota, and each client is served by a grpc::Server of
// its own (base/grpc/client_servers.h), so that one client cannot take what others need. Both ends send keepalive
// pings, even if no call is in progress, so that a peer that vanished without a FIN is noticed after 15 s. If another
// program listens on the port, Start fails; the port is never shared.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "base/accept_loop.h"
#include "base/endpoint.h"
#include "base/grpc/client_servers.h"
#include "base/grpc/server_tls.h"
#include "base/quota.h"

namespace probegate {

// Where a program accepts gRPC connections, and how many.
struct GrpcListening {
  AcceptLoop& loop;
  Quota& connections;
  Endpoint listen;
  GrpcLimits limits = {};
  const ServerTls* tls = nullptr;  // null: nothing is encrypted. Unix sockets never are
  std::string group = {};          // of the file of a unix socket (base/unix_socket.h)
};

class GrpcListener {
 public:
  // Listens. As gRPC itself would, it listens on all addresses of both families if the host is 0.0.0.0 or ::, and on
  // all addresses of a name; or at the path of a unix socket. `services` are the names that reflection lists, health
  // and reflection excluded. `add` adds services, interceptors and further arguments to the builder of each client's
  // server. What they refer to, the loop and the quota must outlive the listener. If listening fails, the error is one
  // line with the system's reason.
  static absl::StatusOr<std::unique_ptr<GrpcListener>> Start(GrpcListening listening, std::vector<std::string> services,
                                                             ClientServers::AddServices add);

  // Shuts down at once, without waiting for calls.
  ~GrpcListener();
  GrpcListener(const GrpcListener&) = delete;
  GrpcListener& operator=(const GrpcListener&) = delete;

  // The address on which it listens. If port 0 was requested, the port is the actual one.
  const Endpoint& endpoint() const { return endpoint_; }

  // From now on, health checks are answered with NOT_SERVING.
  void StopServing() { servers_->StopServing(); }

  // Accepts no more connections and calls, waits up to `patience` for calls in progress, and cancels the rest. Blocks.
  void Shutdown(std::chrono::milliseconds patience);

  // As AcceptLoop::Listener::Expect.
  void Expect(const Endpoint& from) { listener_->Expect(from); }

 private:
  explicit GrpcListener(std::vector<std::string> services);

  const std::unique_ptr<grpc::Service> reflection_;
  Endpoint endpoint_;
  std::unique_ptr<ClientServers> servers_;
  std::unique_ptr<AcceptLoop::Listener> listener_;  // destroyed first
};

// Turns off the logs that gRPC and Protobuf write to standard error. The programs report what matters to users
// themselves. Protobuf would write a line for each bad message that a client sends, and gRPC's lines are not JSON.
// `keep_grpc` keeps gRPC's log.
void SilenceGrpcLogs(bool keep_grpc);

}  // namespace probegate
