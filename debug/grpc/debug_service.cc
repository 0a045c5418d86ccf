#include "debug/grpc/debug_service.h"

#include <utility>

#include "access/grpc/refused_call.h"
#include "base/grpc/to_status.h"
#include "debug/grpc/arduino_apis.h"
#include "debug/grpc/config_call.h"
#include "debug/grpc/debug_stream.h"
#include "debug/grpc/upload_call.h"
#include "debug/plan.h"

namespace probegate {
namespace {

namespace commands = cc::arduino::cli::commands::v1;
namespace debug = cc::arduino::cli::debug;
namespace debug_v1 = cc::arduino::cli::debug::v1;

template <typename Api>
grpc::ServerBidiReactor<typename Api::Request, typename Api::Response>* StartDebug(
    const DebugServing& serving, grpc::CallbackServerContext& context) {
  RpcScope rpc = serving.gate.Count(Api::kDebugMethod);
  auto caller = serving.gate.Admit(Api::kDebugMethod, context);
  if (!caller.ok()) {
    return new RefusedCall<grpc::ServerBidiReactor<typename Api::Request, typename Api::Response>>(
        ToStatus(caller.status()), &rpc);
  }
  return DebugStream<Api>::Start(serving.sessions, context, *std::move(caller), std::move(rpc));
}

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext& context, const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  reactor->Finish(status.ok() ? grpc::Status::OK : ToStatus(status));
  return reactor;
}

template <typename Api>
grpc::ServerUnaryReactor* AnswerConfig(const DebugServing& serving, grpc::CallbackServerContext& context,
                                       const grpc::ByteBuffer& request, grpc::ByteBuffer& response) {
  auto caller = serving.gate.Admit(Api::kConfigMethod, context);
  if (!caller.ok()) return Answer(context, caller.status());
  return ConfigCall::Start<Api>(serving.sessions.context(), *std::move(caller), request, response);
}

}  // namespace

grpc::ServerBidiReactor<debug::DebugReq, debug::DebugResp>* ArduinoDebugService::Debug(
    grpc::CallbackServerContext* context) {
  return StartDebug<ArduinoDebugApi>(serving_, *context);
}

grpc::ServerUnaryReactor* ArduinoDebugService::GetDebugConfig(grpc::CallbackServerContext* context,
                                                              const grpc::ByteBuffer* request,
                                                              grpc::ByteBuffer* response) {
  return AnswerConfig<ArduinoDebugApi>(serving_, *context, *request, *response);
}

grpc::ServerBidiReactor<debug_v1::DebugRequest, debug_v1::DebugResponse>* ArduinoDebugV1Service::Debug(
    grpc::CallbackServerContext* context) {
  return StartDebug<ArduinoDebugV1Api>(serving_, *context);
}

grpc::ServerUnaryReactor* ArduinoDebugV1Service::GetDebugConfig(grpc::CallbackServerContext* context,
                                                                const grpc::ByteBuffer* request,
                                                                grpc::ByteBuffer* response) {
  return AnswerConfig<ArduinoDebugV1Api>(serving_, *context, *request, *response);
}

grpc::ServerBidiReactor<commands::DebugRequest, commands::DebugResponse>* ArduinoCoreService::Debug(
    grpc::CallbackServerContext* context) {
  return StartDebug<ArduinoCoreApi>(serving_, *context);
}

grpc::ServerUnaryReactor* ArduinoCoreService::GetDebugConfig(grpc::CallbackServerContext* context,
                                                             const grpc::ByteBuffer* request,
                                                             grpc::ByteBuffer* response) {
  return AnswerConfig<ArduinoCoreApi>(serving_, *context, *request, *response);
}

grpc::ServerUnaryReactor* ArduinoCoreService::IsDebugSupported(grpc::CallbackServerContext* context,
                                                               const commands::IsDebugSupportedRequest* request,
                                                               commands::IsDebugSupportedResponse* response) {
  if (const auto caller = serving_.gate.Admit(ArduinoCoreApi::kSupportedMethod, *context); !caller.ok()) {
    return Answer(*context, caller.status());
  }
  const auto fqbn = FindDebugFqbn(ArduinoCoreApi::Config(*request), serving_.sessions.context().sources.recipes);
  if (fqbn.ok()) {
    response->set_debugging_supported(!fqbn->empty());
    response->set_debug_fqbn(*fqbn);
  }
  return Answer(*context, fqbn.status());
}

grpc::ServerReadReactor<v1::UploadElfRequest>* DebugFilesService::UploadElf(grpc::CallbackServerContext* context,
                                                                            v1::UploadElfResponse* response) {
  auto caller = serving_.gate.Admit(kUploadMethod, *context);
  if (!caller.ok()) {
    return new RefusedCall<grpc::ServerReadReactor<v1::UploadElfRequest>>(ToStatus(caller.status()));
  }
  return UploadCall::Start(serving_.sessions.context(), *std::move(caller), *response);
}

}  // namespace probegate
