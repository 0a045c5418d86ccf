#include "base/grpc/client_servers.h"

#include <sys/socket.h>

#include <algorithm>
#include <limits>
#include <utility>

#include <grpc/grpc.h>
#include <grpcpp/resource_quota.h>

#include "base/grpc/connection_facts.h"
#include "base/grpc/counted_server.h"
#include "base/grpc/keepalive.h"
#include "base/socket.h"
#include "base/start_thread.h"

namespace probegate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr GrpcArgument kArguments[] = {
    // Clients ping even if no call is in progress, which gRPC would otherwise treat as abuse.
    {GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000},
    {GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0},
    {GRPC_ARG_MAX_METADATA_SIZE, 8192},
};

// How long the server of a client without connections is kept, for clients that make a connection for each call.
constexpr std::chrono::seconds kKeep{10};

// What a client may have sent before gRPC reads it. It bounds how long gRPC goes on with a connection that is paused.
constexpr int kReceiveBuffer = 32 << 10;

int Milliseconds(std::chrono::milliseconds time) {
  return static_cast<int>(std::min<int64_t>(time.count(), std::numeric_limits<int>::max()));
}

}  // namespace

ClientServers::ClientServers(AddServices add, GrpcLimits limits, const ServerTls* tls,
                             std::unique_ptr<ConnectionWatch> watch)
    : add_(std::move(add)), limits_(std::move(limits)), tls_(tls), watch_(std::move(watch)) {}

absl::StatusOr<std::unique_ptr<ClientServers>> ClientServers::Start(AddServices add, GrpcLimits limits,
                                                                    const ServerTls* tls) {
  auto watch = ConnectionWatch::Start();
  if (!watch.ok()) return watch.status();
  std::unique_ptr<ClientServers> servers(new ClientServers(std::move(add), std::move(limits), tls, *std::move(watch)));
  if (absl::Status status = servers->StartThreads(); !status.ok()) return status;
  return servers;
}

absl::Status ClientServers::StartThreads() {
  if (absl::Status status = StartThread(thread_, "serving gRPC", [this] { EndIdle(); }); !status.ok()) return status;
  auto guard = FloodGuard::Start(*watch_, {.crowded = [this] { return Crowded(); },
                                           .trusted = limits_.trusted,
                                           .memory = limits_.memory + limits_.memory / 4,
                                           .on_reset = limits_.on_flood});
  if (!guard.ok()) return guard.status();
  guard_ = *std::move(guard);
  return absl::OkStatus();
}

ClientServers::~ClientServers() { Shutdown(std::chrono::milliseconds(0)); }

void ClientServers::Serve(AcceptedConnection connection) {
  Client* const client = Enter(connection.peer);
  if (client == nullptr) return ResetConnection(std::move(connection.socket));
  // gRPC sets options on sockets that it makes itself only.
  SetUpConnection(connection.socket.number());
  ::setsockopt(connection.socket.number(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof(kReceiveBuffer));
  {
    MutexLock lock(mutex_);
    ++client->users;
  }
  const bool watched = watch_->Add(
      connection.socket.number(),
      {.peer = connection.peer, .place = std::move(connection.place), .ended = [this, client] { Leave(*client); }});
  if (!watched) {
    ResetConnection(std::move(connection.socket));
    Leave(*client);
  } else if (HandOver(*client, connection.socket.number())) {
    connection.socket.Release();
    return;  // HandOver leaves
  } else {
    ::shutdown(connection.socket.number(), SHUT_RDWR);  // which the watch notices
  }
  Leave(*client);
}

// Gives a connection to gRPC, on a thread of its own: gRPC begins to read at once, and goes on for as long as there is
// something to read. The caller must not wait for that, because it accepts the connections of others.
bool ClientServers::HandOver(Client& client, int socket) {
  {
    MutexLock lock(mutex_);
    ++handing_over_;
  }
  const auto hand_over = [this, &client, socket] {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
    parameters.listener_fd = -1;
    parameters.fd = socket;
    client.acceptor->HandleNewConnection(&parameters);
    Leave(client);
    HandedOver();
  };
  const bool started = StartDetached("a connection", hand_over).ok();
  if (!started) HandedOver();
  return started;
}

void ClientServers::HandedOver() {
  MutexLock lock(mutex_);
  --handing_over_;
  changed_.NotifyAll();
}

// The client's server, which does not end before Leave. Null if there are too many clients.
ClientServers::Client* ClientServers::Enter(const Peer& peer) {
  ServerTls::Current tls = CredentialsFor(peer);
  Key key(peer.client, tls.version);
  MutexLock lock(mutex_);
  auto found = clients_.find(key);
  if (found == clients_.end()) {
    if (stopping_ || clients_.size() >= limits_.servers) return nullptr;
    auto client = MakeClient(peer, std::move(tls.credentials));
    if (client == nullptr) return nullptr;
    if (!serving_) client->server->GetHealthCheckService()->SetServingStatus(false);
    found = clients_.emplace(std::move(key), std::move(client)).first;
  }
  ++found->second->users;
  return found->second.get();
}

void ClientServers::Leave(Client& client) {
  MutexLock lock(mutex_);
  if (--client.users > 0) return;
  client.idle_since = Clock::now();
  changed_.NotifyAll();
}

ServerTls::Current ClientServers::CredentialsFor(const Peer& peer) const {
  const bool plain = tls_ == nullptr || peer.client == kOwnClient || peer.uid.has_value();
  return plain ? ServerTls::Current{.credentials = grpc::InsecureServerCredentials()} : tls_->current();
}

std::unique_ptr<ClientServers::Client> ClientServers::MakeClient(
    const Peer& peer, std::shared_ptr<grpc::ServerCredentials> credentials) const {
  using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  auto client = std::make_unique<Client>();
  grpc::ServerBuilder builder;
  for (const GrpcArgument& argument : kKeepaliveArguments) builder.AddChannelArgument(argument.name, argument.value);
  for (const GrpcArgument& argument : kArguments) builder.AddChannelArgument(argument.name, argument.value);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             limits_.trusted(peer) ? limits_.trusted_streams : limits_.streams);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Milliseconds(limits_.handshake));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, Milliseconds(limits_.idle));
  grpc::ResourceQuota memory(peer.client);
  memory.Resize(limits_.memory / 2);
  builder.SetResourceQuota(memory);
  if (peer.uid) builder.SetContextAllocator(UidTag(*peer.uid));
  if (peer.client == kOwnClient) {
    builder.RegisterCallbackGenericService(&client->nothing);
  } else {
    add_(builder);
  }
  client->acceptor = builder.experimental().AddExternalConnectionAcceptor(Type::FROM_FD, std::move(credentials));
  CountedServer started = StartCounted(builder);
  if (started.server == nullptr) return nullptr;
  client->server = std::move(started.server);
  client->id = started.id;
  client->calls = limits_.trusted(peer) ? limits_.trusted_calls : limits_.calls;
  return client;
}

// Clients with more calls than they may have.
std::set<std::string> ClientServers::Crowded() const {
  std::set<std::string> crowded;
  MutexLock lock(mutex_);
  for (const auto& [key, client] : clients_) {
    if (client->users > 0 && OpenCalls(client->id) > client->calls) crowded.insert(key.first);
  }
  return crowded;
}

void ClientServers::StopServing() {
  MutexLock lock(mutex_);
  serving_ = false;
  for (const auto& [key, client] : clients_) client->server->GetHealthCheckService()->SetServingStatus(false);
}

// Ends the servers of clients without connections, until Shutdown.
void ClientServers::EndIdle() {
  for (;;) {
    std::unique_ptr<Client> idle;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && (idle = TakeIdle(Clock::now())) == nullptr) {
        changed_.WaitUntil(mutex_, Clock::now() + kKeep);
      }
      if (stopping_) return;
    }
    idle->server->Shutdown(std::chrono::system_clock::now());
  }
}

std::unique_ptr<ClientServers::Client> ClientServers::TakeIdle(Clock::time_point now) {
  // When many servers are idle, those that have been so for longest end at once.
  const bool many = clients_.size() > limits_.servers / 2;
  const auto idle_before = [](const auto& a, const auto& b) {
    if ((a.second->users == 0) != (b.second->users == 0)) return a.second->users == 0;
    return a.second->idle_since < b.second->idle_since;
  };
  const auto oldest = std::min_element(clients_.begin(), clients_.end(), idle_before);
  if (oldest == clients_.end() || oldest->second->users > 0) return nullptr;
  if (!many && now < oldest->second->idle_since + kKeep) return nullptr;
  auto client = std::move(oldest->second);
  clients_.erase(oldest);
  return client;
}

void ClientServers::Shutdown(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::system_clock::now() + patience;
  const auto hand_overs = Clock::now() + patience;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  FinishHandOvers(hand_overs);
  decltype(clients_) clients;
  {
    MutexLock lock(mutex_);
    clients = std::move(clients_);
    clients_.clear();
  }
  // grpc::Server::Shutdown blocks, so all clients are told before it is called for the first.
  grpc_completion_queue* const told = grpc_completion_queue_create_for_next(nullptr);
  for (const auto& [key, client] : clients) grpc_server_shutdown_and_notify(client->server->c_server(), told, nullptr);
  for (const auto& [key, client] : clients) client->server->Shutdown(deadline);
  for (size_t i = 0; i < clients.size(); ++i) {
    grpc_completion_queue_next(told, gpr_inf_future(GPR_CLOCK_REALTIME), nullptr);
  }
  grpc_completion_queue_shutdown(told);
  grpc_completion_queue_next(told, gpr_inf_future(GPR_CLOCK_REALTIME), nullptr);
  grpc_completion_queue_destroy(told);
  guard_.reset();
  watch_.reset();  // no more calls of Leave
}

// gRPC crashes if a connection is handed to a server that shuts down.
void ClientServers::FinishHandOvers(Clock::time_point deadline) {
  MutexLock lock(mutex_);
  while (handing_over_ > 0 && Clock::now() < deadline) changed_.WaitUntil(mutex_, deadline);
  if (handing_over_ > 0) {
    // gRPC has been reading ever since: the connections end, and with them the reading.
    watch_->ForEach([](uint64_t, int socket, const Peer&) { ::shutdown(socket, SHUT_RDWR); });
  }
  while (handing_over_ > 0) changed_.Wait(mutex_);
}

size_t ClientServers::size() const {
  MutexLock lock(mutex_);
  return clients_.size();
}

}  // namespace probegate
