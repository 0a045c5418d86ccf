#include "gateway/grpc/grpc_upstream.h"

#include <chrono>
#include <deque>
#include <utility>
#include <vector>

#include "base/grpc/channel.h"
#include "base/mutex.h"
#include "gateway/fleet/read_gate.h"
#include "grpcpp/grpcpp.h"
#include "probegate/v1/debug_probe.grpc.pb.h"
#include "probegate/v1/probe_directory.grpc.pb.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {
namespace {

// Short, so that after a host is back, each of the gateway's attempts can reach the server.
constexpr std::chrono::seconds kConnectAttempt{1};

// The methods that the gateway calls. The code below counts these calls itself, because an interceptor would cost about
// 18 us per message (telemetry/grpc/server_interceptor.h).
constexpr RpcMethod kStream{v1::DebugProbe::service_full_name(), "Stream", true, true};
constexpr RpcMethod kWatchProbes{v1::ProbeDirectory::service_full_name(), "WatchProbes", false, true};

// Counts the calls that gRPC has not finished with, so that what they use is not destroyed before.
class CallCount {
 public:
  void Add() {
    const MutexLock lock(mutex_);
    ++count_;
  }
  void Remove() {
    const MutexLock lock(mutex_);
    if (--count_ == 0) idle_.NotifyAll();
  }
  bool none() {
    const MutexLock lock(mutex_);
    return count_ == 0;
  }
  void WaitForNone() {
    const MutexLock lock(mutex_);
    while (count_ > 0) idle_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar idle_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

std::string Describe(const grpc::Status& status) {
  if (status.ok()) return "the server ended it";
  if (status.error_message().empty()) return "gRPC status " + std::to_string(status.error_code());
  return ExplainFailedConnection(status.error_message());
}

// One session's stream. It keeps itself alive until gRPC is done with it.
//
// The owner starts operations from outside the callbacks, for which gRPC requires a hold (AddHold). The hold is removed
// when no more operations will be started: when the stream has ended, or the owner has abandoned it. gRPC calls OnDone
// only after that.
class SessionCall final : public grpc::ClientBidiReactor<v1::StreamRequest, v1::StreamResponse>,
                          public std::enable_shared_from_this<SessionCall> {
 public:
  SessionCall(SessionHandler handler, RpcScope rpc, CallCount& calls)
      : handler_(std::move(handler)), rpc_(std::move(rpc)), calls_(calls) {}

  void Start(v1::DebugProbe::Stub& stub, v1::OpenSessionRequest request, std::string traceparent) {
    self_ = shared_from_this();
    calls_.Add();
    v1::StreamRequest first;
    first.set_traceparent(std::move(traceparent));
    *first.mutable_open_session() = std::move(request);
    stub.async()->Stream(&context_, this);
    AddHold();
    Send(std::move(first));
    StartCall();
  }

  void Send(v1::StreamRequest request) {
    const MutexLock lock(mutex_);
    if (ended_) return;
    const bool read = request.request_case() != v1::StreamRequest::REQUEST_NOT_SET && gate_.Expect();
    queue_.push_back(std::move(request));
    if (!std::exchange(writing_, true)) WriteNext();
    if (read) StartRead(&response_);  // after the write: the server should have the request first
  }

  void Listen() {
    const MutexLock lock(mutex_);
    if (gate_.Listen() && !ended_) StartRead(&response_);
  }

  void Resume() {
    const MutexLock lock(mutex_);
    if (gate_.Resume() && !ended_) StartRead(&response_);
  }

  // Ends the session. Its owner is gone.
  void Abandon() {
    context_.TryCancel();
    End();
  }

  void OnWriteDone(bool ok) override {
    const MutexLock lock(mutex_);
    queue_.pop_front();
    writing_ = ok && !ended_ && !queue_.empty();
    if (writing_) WriteNext();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      End();
      return;
    }
    {
      const MutexLock lock(mutex_);
      gate_.Begin();
    }
    const bool go_on = handler_.on_response(std::exchange(response_, v1::StreamResponse()));
    bool read = false;
    {
      const MutexLock lock(mutex_);
      read = gate_.End(go_on) && !ended_;
    }
    // Not under the mutex: the read costs a system call, and meanwhile the client may call Send with its next request.
    // The hold may have been removed by now, but inside a callback it is not needed.
    if (read) StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    rpc_.Finish(status.error_code());
    handler_.on_end(Describe(status));
    CallCount& calls = calls_;
    self_.reset();
    calls.Remove();
  }

 private:
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    // If more follows, gRPC may delay the system call.
    StartWrite(&queue_.front(), queue_.size() > 1 ? grpc::WriteOptions().set_buffer_hint() : grpc::WriteOptions());
  }

  void End() {
    {
      const MutexLock lock(mutex_);
      if (std::exchange(ended_, true)) return;
    }
    RemoveHold();
  }

  grpc::ClientContext context_;
  const SessionHandler handler_;
  RpcScope rpc_;
  CallCount& calls_;
  std::shared_ptr<SessionCall> self_;
  v1::StreamResponse response_;

  Mutex mutex_;
  // The request that is being written, and those that follow.
  std::deque<v1::StreamRequest> queue_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  ReadGate gate_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;  // the stream has ended or was abandoned; the hold is or will be removed
};

class GrpcSession final : public UpstreamSession {
 public:
  explicit GrpcSession(std::shared_ptr<SessionCall> call) : call_(std::move(call)) {}
  ~GrpcSession() override { call_->Abandon(); }

  void Send(v1::StreamRequest request) override { call_->Send(std::move(request)); }
  void Listen() override { call_->Listen(); }
  void Resume() override { call_->Resume(); }

 private:
  const std::shared_ptr<SessionCall> call_;
};

class WatchCall final : public grpc::ClientReadReactor<v1::WatchProbesResponse>,
                        public std::enable_shared_from_this<WatchCall> {
 public:
  WatchCall(WatchHandler handler, RpcScope rpc, CallCount& calls)
      : handler_(std::move(handler)), rpc_(std::move(rpc)), calls_(calls) {}

  void Start(v1::ProbeDirectory::Stub& stub) {
    self_ = shared_from_this();
    calls_.Add();
    stub.async()->WatchProbes(&context_, &request_, this);
    StartRead(&event_);
    StartCall();
  }

  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    handler_.on_event(std::exchange(event_, v1::WatchProbesResponse()));
    StartRead(&event_);
  }

  void OnDone(const grpc::Status& status) override {
    rpc_.Finish(status.error_code());
    const bool incompatible = status.error_code() == grpc::StatusCode::UNIMPLEMENTED;
    handler_.on_end(incompatible ? WatchEnd::kIncompatible : WatchEnd::kUnreachable, Describe(status));
    CallCount& calls = calls_;
    self_.reset();
    calls.Remove();
  }

 private:
  grpc::ClientContext context_;
  const WatchHandler handler_;
  RpcScope rpc_;
  CallCount& calls_;
  std::shared_ptr<WatchCall> self_;
  const v1::WatchProbesRequest request_;
  v1::WatchProbesResponse event_;
};

class GrpcWatch final : public UpstreamWatch {
 public:
  explicit GrpcWatch(std::shared_ptr<WatchCall> call) : call_(std::move(call)) {}
  ~GrpcWatch() override { call_->Cancel(); }

 private:
  const std::shared_ptr<WatchCall> call_;
};

// A channel, its stubs and a count of its calls. A gRPC channel must not be destroyed in one of its own callbacks, so
// it is kept here until it has no calls.
struct ServerChannel {
  ServerChannel(const ServerAddress& server, const ChannelSecurity& security)
      : channel(
            MakeChannel(server.address, {.authority = server.name, .attempt = kConnectAttempt, .security = security})),
        debug_probe(v1::DebugProbe::NewStub(channel)),
        directory(v1::ProbeDirectory::NewStub(channel)) {}

  CallCount calls;
  const std::shared_ptr<grpc::Channel> channel;
  const std::unique_ptr<v1::DebugProbe::Stub> debug_probe;
  const std::unique_ptr<v1::ProbeDirectory::Stub> directory;
};

class GrpcUpstream final : public Upstream {
 public:
  GrpcUpstream(std::shared_ptr<ServerChannel> server, const RpcMetrics& rpcs)
      : server_(std::move(server)), rpcs_(rpcs) {}

  std::unique_ptr<UpstreamSession> OpenSession(v1::OpenSessionRequest request, std::string traceparent,
                                               SessionHandler handler) override {
    auto call = std::make_shared<SessionCall>(std::move(handler), rpcs_.Begin(kStream.path()), server_->calls);
    call->Start(*server_->debug_probe, std::move(request), std::move(traceparent));
    return std::make_unique<GrpcSession>(std::move(call));
  }

  std::unique_ptr<UpstreamWatch> WatchProbes(WatchHandler handler) override {
    auto call = std::make_shared<WatchCall>(std::move(handler), rpcs_.Begin(kWatchProbes.path()), server_->calls);
    call->Start(*server_->directory);
    return std::make_unique<GrpcWatch>(std::move(call));
  }

 private:
  const std::shared_ptr<ServerChannel> server_;
  const RpcMetrics& rpcs_;
};

class GrpcUpstreams final : public Upstreams {
 public:
  GrpcUpstreams(MetricSet& metrics, ChannelSecurity security)
      : rpcs_(metrics, kClientRpcRows, {kStream, kWatchProbes}), security_(std::move(security)) {}
  ~GrpcUpstreams() override {
    for (const auto& server : servers_) server->calls.WaitForNone();
  }

  std::shared_ptr<Upstream> To(const ServerAddress& server) override {
    const MutexLock lock(mutex_);
    // Remove channels that are no longer used, so that they do not accumulate if servers keep changing.
    std::erase_if(servers_, [](const auto& old) { return old.use_count() == 1 && old->calls.none(); });
    servers_.push_back(std::make_shared<ServerChannel>(server, security_));
    return std::make_shared<GrpcUpstream>(servers_.back(), rpcs_);
  }

 private:
  const RpcMetrics rpcs_;
  const ChannelSecurity security_;
  Mutex mutex_;
  std::vector<std::shared_ptr<ServerChannel>> servers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Upstreams> MakeGrpcUpstreams(MetricSet& metrics, ChannelSecurity security) {
  return std::make_unique<GrpcUpstreams>(metrics, std::move(security));
}

}  // namespace probegate
