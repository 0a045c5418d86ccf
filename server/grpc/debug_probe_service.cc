#include "server/grpc/debug_probe_service.h"

#include <utility>

#include "absl/functional/any_invocable.h"
#include "probe/error.h"
#include "server/grpc/peer.h"
#include "server/grpc/status.h"
#include "server/grpc/stream_call.h"

namespace probegate {
namespace {

// A unary call that waits for its command. Finishes the call exactly once: with the command's answer, or, where the
// command is dropped because its session was closed meanwhile, without.
class WaitingCall {
 public:
  explicit WaitingCall(grpc::ServerUnaryReactor* reactor) : reactor_(reactor) {}
  WaitingCall(WaitingCall&& other) noexcept : reactor_(std::exchange(other.reactor_, nullptr)) {}
  WaitingCall& operator=(WaitingCall&&) = delete;
  ~WaitingCall() {
    if (reactor_ != nullptr) Finish(ToGrpcStatus(absl::CancelledError("the session was closed")));
  }

  void Finish(const grpc::Status& status) { std::exchange(reactor_, nullptr)->Finish(status); }

 private:
  grpc::ServerUnaryReactor* reactor_;
};

// Puts `command` into the session and has the call finished when it is answered; `take` moves the answer's own message
// to the call's.
grpc::ServerUnaryReactor* RunCommand(SessionRegistry& sessions, grpc::CallbackServerContext* context,
                                     const std::string& session_id, v1::StreamRequest command,
                                     absl::AnyInvocable<void(v1::StreamResponse&)> take) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto answer = [call = WaitingCall(reactor), take = std::move(take)](v1::StreamResponse response) mutable {
    if (response.has_error()) return call.Finish(ToGrpcStatus(response.error()));
    take(response);
    call.Finish(grpc::Status::OK);
  };
  sessions.Submit(session_id, ParsePeer(context->peer()), std::move(command), std::move(answer));
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* DebugProbeService::OpenSession(grpc::CallbackServerContext* context,
                                                         const v1::OpenSessionRequest* request,
                                                         v1::OpenSessionResponse* response) {
  auto opened = sessions_.OpenForCalls(*request, ParsePeer(context->peer()));
  if (opened.ok()) *response = *std::move(opened);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(opened.status()));
  return reactor;
}

grpc::ServerUnaryReactor* DebugProbeService::CloseSession(grpc::CallbackServerContext* context,
                                                          const v1::CloseSessionRequest* request,
                                                          v1::CloseSessionResponse*) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(sessions_.Close(request->session_id(), ParsePeer(context->peer()))));
  return reactor;
}

grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>* DebugProbeService::Stream(
    grpc::CallbackServerContext* context) {
  return StreamCall::Start(sessions_, ParsePeer(context->peer()));
}

#define PROBEGATE_DEFINE(Name, field)                                                                                 \
  grpc::ServerUnaryReactor* DebugProbeService::Name(grpc::CallbackServerContext* context,                             \
                                                    const v1::Name##Request* request, v1::Name##Response* response) { \
    v1::StreamRequest command;                                                                                        \
    *command.mutable_##field() = *request;                                                                            \
    return RunCommand(sessions_, context, request->session_id(), std::move(command),                                  \
                      [response](v1::StreamResponse& answer) { response->Swap(answer.mutable_##field()); });          \
  }
PROBEGATE_UNARY_COMMANDS(PROBEGATE_DEFINE)
#undef PROBEGATE_DEFINE

}  // namespace probegate
