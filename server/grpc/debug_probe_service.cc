#include "server/grpc/debug_probe_service.h"

#include <string>
#include <utility>

#include "server/commands/request_cost.h"
#include "server/grpc/messages.h"
#include "server/grpc/status.h"
#include "server/grpc/unary_commands.h"

namespace probegate {
namespace {

constexpr char kService[] = "/probegate.v1.DebugProbe/";

// Submits `command` to the session, and ends the call once the command is answered.
template <typename Response>
void Submit(UnarySessions& sessions, UnaryCall& call, const std::string& session_id, v1::StreamRequest command,
            Response* (v1::StreamResponse::*response)()) {
  auto self = call.shared_from_this();
  command.set_traceparent(call.Traceparent());
  auto answer = [self, response](absl::StatusOr<v1::StreamResponse> answered) {
    if (!answered.ok()) return self->Fail(answered.status());
    if (answered->has_error()) return self->Fail(ToGrpcStatus(answered->error()));
    self->Answer(*((*answered).*response)());
  };
  // Never called after the command's answer, so the call's context still exists.
  sessions.Submit(session_id, call.caller(), std::move(command), std::move(answer),
                  [self] { return self->IsCancelled(); });
}

}  // namespace

DebugProbeService::DebugProbeService(SessionRegistry& sessions, UnarySessions& unary_sessions, CallLimits& limits,
                                     const CallGate& gate)
    : RawService(gate), unary_sessions_(unary_sessions), limits_(limits) {
  const StreamCall::Shared shared{.sessions = sessions, .memory = limits.quotas.memory, .request = stream_request_};
  Add(StreamCall::kMethod, [shared](grpc::CallbackServerContext& context, Caller caller, RpcScope rpc) {
    return StreamCall::Start(shared, context, std::move(caller), std::move(rpc));
  });
  AddOpenSession();
  AddCloseSession();
#define PROBEGATE_ADD(Name, field)                                                   \
  AddCommand(#Name, v1::StreamRequest::k##Name, &v1::StreamRequest::mutable_##field, \
             &v1::StreamResponse::mutable_##field);
  PROBEGATE_UNARY_COMMANDS(PROBEGATE_ADD)
#undef PROBEGATE_ADD
}

void DebugProbeService::AddUnary(const std::string& name, UnaryMethod method) {
  const UnaryMethod& added = methods_.emplace_back(std::move(method));
  Add(kService + name, [this, &added](grpc::CallbackServerContext& context, Caller caller, RpcScope rpc) {
    return UnaryCall::Start(added, limits_, context, std::move(caller), std::move(rpc));
  });
}

void DebugProbeService::AddOpenSession() {
  AddUnary("OpenSession", {.size = ParsedSize(*v1::OpenSessionRequest::descriptor()),
                           .admit = nullptr,
                           .run = [this](UnaryCall& call, grpc::ByteBuffer& message, size_t parsed_bytes) {
                             v1::OpenSessionRequest request;
                             if (absl::Status wrong = Parse(message, request); !wrong.ok()) return call.Fail(wrong);
                             call.TakeMemory(parsed_bytes, [this, &call, request = std::move(request)] {
                               const auto opened = unary_sessions_.Open(request, call.caller(), call.Traceparent());
                               if (!opened.ok()) return call.Fail(opened.status());
                               call.Answer(*opened);
                             });
                           }});
}

void DebugProbeService::AddCloseSession() {
  AddUnary("CloseSession", {.size = ParsedSize(*v1::CloseSessionRequest::descriptor()),
                            .frees = true,
                            .admit = [this](const Caller& caller) { return HasSession(caller); },
                            .run =
                                [this](UnaryCall& call, grpc::ByteBuffer& message, size_t) {
                                  v1::CloseSessionRequest request;
                                  if (absl::Status wrong = Parse(message, request); !wrong.ok())
                                    return call.Fail(wrong);
                                  if (absl::Status wrong = unary_sessions_.Close(request.session_id(), call.caller());
                                      !wrong.ok()) {
                                    return call.Fail(wrong);
                                  }
                                  call.Answer(v1::CloseSessionResponse());
                                }});
}

template <typename Request, typename Response>
void DebugProbeService::AddCommand(const std::string& name, v1::StreamRequest::RequestCase number,
                                   Request* (v1::StreamRequest::*request)(),
                                   Response* (v1::StreamResponse::*response)()) {
  AddUnary(name, {.size = ParsedSize(*Request::descriptor()),
                  .room = UnaryRoom(number),
                  .admit = [this](const Caller& caller) { return HasSession(caller); },
                  .run =
                      [this, request, response](UnaryCall& call, grpc::ByteBuffer& message, size_t parsed_bytes) {
                        v1::StreamRequest command;
                        Request& own = *(command.*request)();
                        if (absl::Status wrong = Parse(message, own); !wrong.ok()) return call.Fail(wrong);
                        const uint64_t memory = RequestMemory(command, message.Length(), parsed_bytes);
                        std::string session_id = own.session_id();
                        call.TakeMemory(memory, [this, &call, response, session_id = std::move(session_id),
                                                 command = std::move(command)]() mutable {
                          Submit(unary_sessions_, call, session_id, std::move(command), response);
                        });
                      }});
}

absl::Status DebugProbeService::HasSession(const Caller& caller) const {
  return unary_sessions_.CheckHasSession(caller);
}

}  // namespace probegate
