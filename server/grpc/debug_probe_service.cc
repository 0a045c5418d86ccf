#include "server/grpc/debug_probe_service.h"

#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "base/peer.h"
#include "probe/error.h"
#include "server/grpc/status.h"
#include "server/grpc/stream_call.h"

namespace probegate {
namespace {

// The client's trace context (W3C Trace Context); empty if the client sent none.
std::string Traceparent(const grpc::CallbackServerContext& context) {
  const auto found = context.client_metadata().find("traceparent");
  return found == context.client_metadata().end() ? std::string()
                                                  : std::string(found->second.data(), found->second.size());
}

// Submits `command` to the session and finishes the call once the command is answered. `take` moves the command's
// message out of the answer and into the call's response.
grpc::ServerUnaryReactor* RunCommand(UnarySessions& sessions, grpc::CallbackServerContext* context,
                                     const std::string& session_id, v1::StreamRequest command,
                                     absl::AnyInvocable<void(v1::StreamResponse&)> take) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto answer = [reactor, take = std::move(take)](absl::StatusOr<v1::StreamResponse> response) mutable {
    if (!response.ok()) return reactor->Finish(ToGrpcStatus(response.status()));
    if (response->has_error()) return reactor->Finish(ToGrpcStatus(response->error()));
    take(*response);
    reactor->Finish(grpc::Status::OK);
  };
  command.set_traceparent(Traceparent(*context));
  // Never called after the command's answer, so the context still exists.
  auto abandoned = [context] { return context->IsCancelled(); };
  sessions.Submit(session_id, ParsePeer(context->peer()), std::move(command), std::move(answer), std::move(abandoned));
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* DebugProbeService::OpenSession(grpc::CallbackServerContext* context,
                                                         const v1::OpenSessionRequest* request,
                                                         v1::OpenSessionResponse* response) {
  auto opened = unary_sessions_.Open(*request, ParsePeer(context->peer()), Traceparent(*context));
  if (opened.ok()) response->Swap(&*opened);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(opened.status()));
  return reactor;
}

grpc::ServerUnaryReactor* DebugProbeService::CloseSession(grpc::CallbackServerContext* context,
                                                          const v1::CloseSessionRequest* request,
                                                          v1::CloseSessionResponse*) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(unary_sessions_.Close(request->session_id(), ParsePeer(context->peer()))));
  return reactor;
}

grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>* DebugProbeService::Stream(
    grpc::CallbackServerContext* context) {
  return StreamCall::Start(sessions_, *context, rpcs_.Begin(StreamCall::kMethod));
}

#define PROBEGATE_DEFINE(Name, field)                                                                                 \
  grpc::ServerUnaryReactor* DebugProbeService::Name(grpc::CallbackServerContext* context,                             \
                                                    const v1::Name##Request* request, v1::Name##Response* response) { \
    v1::StreamRequest command;                                                                                        \
    *command.mutable_##field() = *request;                                                                            \
    return RunCommand(unary_sessions_, context, request->session_id(), std::move(command),                            \
                      [response](v1::StreamResponse& answer) { response->Swap(answer.mutable_##field()); });          \
  }
PROBEGATE_UNARY_COMMANDS(PROBEGATE_DEFINE)
#undef PROBEGATE_DEFINE

}  // namespace probegate
