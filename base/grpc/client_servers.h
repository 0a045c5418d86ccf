// A grpc::Server for each client.
//
// What gRPC buffers for a client, how it gives memory back when there is little (grpc::ResourceQuota), and how many
// calls it has, thus concern that client only. A server costs about 10 KB and a tenth of a millisecond. It ends some
// time after its client's last connection has ended.
//
// gRPC does not accept connections itself: Serve is given each (base/accept_loop.h).
//
// With TLS, a client whose connections began before and after the files of TLS were replaced has a server for each. The
// program's own check of itself (kOwnClient) needs no certificate: its server uses no TLS, and has no service but
// health. So another process of this machine that managed to take that connection's place would gain nothing.
//
// Threads: any, except where stated.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include "base/accept_loop.h"
#include "base/connection_watch.h"
#include "base/grpc/flood_guard.h"
#include "base/grpc/server_tls.h"
#include "base/mutex.h"
#include "base/peer.h"

namespace probegate {

// What a server of one client may use, and how long its connections live.
struct GrpcLimits {
  // What requests and answers of all clients may take, in bytes. gRPC buffers half as much for one client. When the
  // whole program takes a quarter more than all may, connections that flood it are reset earlier: gRPC does not count
  // all that it buffers, such as endless headers.
  size_t memory = size_t{256} << 20;
  int streams = 256;  // calls in progress on one connection
  // A gateway has a call for each of its own clients.
  int trusted_streams = 2048;
  // A client with more calls in all, also such as gRPC has not yet passed on, is kept from sending until it has fewer.
  int calls = 2048;
  int trusted_calls = 4096;
  std::function<bool(const Peer&)> trusted = [](const Peer&) { return false; };
  std::chrono::milliseconds handshake{10'000};  // for a client to say that it speaks HTTP/2
  std::chrono::milliseconds idle{10'000};       // a connection without a call is closed after this time
  size_t servers = 2048;                        // clients that have connections, or had some a short time ago
  // Called when a connection was reset because it kept gRPC from serving others. Must not block.
  std::function<void(const Peer&)> on_flood = [](const Peer&) {};
};

class ClientServers {
 public:
  // Adds services, interceptors and further arguments; they must outlive this object. Called for each client, on the
  // thread that calls Serve.
  using AddServices = std::function<void(grpc::ServerBuilder&)>;

  // `tls` must outlive this object; if it is null, nothing is encrypted. RESOURCE_EXHAUSTED if the system has no thread
  // or file left.
  static absl::StatusOr<std::unique_ptr<ClientServers>> Start(AddServices add, GrpcLimits limits,
                                                              const ServerTls* tls = nullptr);
  // Shuts down at once.
  ~ClientServers();
  ClientServers(const ClientServers&) = delete;
  ClientServers& operator=(const ClientServers&) = delete;

  // Serves a connection to its end, and then gives its place back. It is reset if it cannot be served. Not to be called
  // during or after Shutdown. Does not block.
  void Serve(AcceptedConnection connection);

  // From now on, health checks are answered with NOT_SERVING.
  void StopServing();

  // Tells all clients that no more calls are accepted, waits up to `patience` for calls in progress, and cancels the
  // rest. Blocks.
  void Shutdown(std::chrono::milliseconds patience);

  // How many servers there are.
  size_t size() const;

 private:
  struct Client {
    grpc::CallbackGenericService nothing;  // answers UNIMPLEMENTED; gRPC serves no connection without a service
    std::unique_ptr<grpc::Server> server;
    intptr_t id;  // for OpenCalls
    int calls;    // how many calls it may have
    std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
    size_t users = 0;  // connections, and calls of Serve
    std::chrono::steady_clock::time_point idle_since;
  };

  using Key = std::pair<std::string, uint64_t>;  // Peer::client, and the version of ServerTls::current or 0

  ClientServers(AddServices add, GrpcLimits limits, const ServerTls* tls, std::unique_ptr<ConnectionWatch> watch);
  ServerTls::Current CredentialsFor(const Peer& peer) const;
  absl::Status StartThreads();
  Client* Enter(const Peer& peer);
  void Leave(Client& client);
  bool HandOver(Client& client, int socket);
  void HandedOver();
  void FinishHandOvers(std::chrono::steady_clock::time_point deadline);
  std::unique_ptr<Client> MakeClient(const Peer& peer, std::shared_ptr<grpc::ServerCredentials> credentials) const;
  std::set<std::string> Crowded() const;
  void EndIdle();
  std::unique_ptr<Client> TakeIdle(std::chrono::steady_clock::time_point now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const AddServices add_;
  const GrpcLimits limits_;
  const ServerTls* const tls_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<Key, std::unique_ptr<Client>> clients_ ABSL_GUARDED_BY(mutex_);
  size_t handing_over_ ABSL_GUARDED_BY(mutex_) = 0;  // connections
  bool serving_ ABSL_GUARDED_BY(mutex_) = true;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;                      // ends servers, which may block
  std::unique_ptr<ConnectionWatch> watch_;  // destroyed before the rest, because it calls this object
  std::unique_ptr<FloodGuard> guard_;       // destroyed first, because it uses the watch
};

}  // namespace probegate
