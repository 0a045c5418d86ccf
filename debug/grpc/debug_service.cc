#include "debug/grpc/debug_service.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "base/peer.h"
#include "debug/debug_description.h"
#include "debug/grpc/arduino_apis.h"
#include "debug/grpc/debug_stream.h"
#include "debug/plan.h"

namespace probegate {
namespace {

namespace commands = cc::arduino::cli::commands::v1;
namespace debug = cc::arduino::cli::debug;
namespace debug_v1 = cc::arduino::cli::debug::v1;

grpc::Status ToStatus(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

template <typename Api>
DebugStream<Api>* StartDebug(const DebugServing& serving, grpc::CallbackServerContext& context) {
  return DebugStream<Api>::Start(serving.sessions, context, serving.rpc_metrics.Begin(Api::kDebugMethod));
}

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext& context, const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  reactor->Finish(status.ok() ? grpc::Status::OK : ToStatus(status));
  return reactor;
}

template <typename Api>
grpc::ServerUnaryReactor* AnswerConfig(const DebugServing& serving, grpc::CallbackServerContext& context,
                                       const typename Api::ConfigRequest& request,
                                       typename Api::ConfigResponse& response) {
  const auto plan = MakePlanWithoutUpload(Api::Config(request), serving.sessions.context().sources);
  if (plan.ok()) Api::Describe(Describe(*plan), request, response);
  return Answer(context, plan.status());
}

// One upload. Threads: gRPC's, one at a time; only OnCancel may be called at any time before OnDone.
class UploadCall final : public grpc::ServerReadReactor<v1::UploadElfRequest> {
 public:
  UploadCall(const DebugContext& context, std::string host, v1::UploadElfResponse& response)
      : context_(context), host_(std::move(host)), response_(response) {
    auto incoming = context.sources.uploads.Begin(host_);
    if (!incoming.ok()) {
      Finish(ToStatus(incoming.status()));
      return;
    }
    incoming_ = *std::move(incoming);
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return End();
    context_.metrics.upload_bytes.Add(static_cast<double>(request_.data().size()));
    const absl::Status status = incoming_->Append(request_.data());
    if (!status.ok()) return Fail(status);
    StartRead(&request_);
  }
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override {
    // When reading ends, it is not known whether the client has sent everything or is gone. If it is gone, it has not
    // been told the name, and nothing else would remove the file soon.
    if (cancelled_ && !name_.empty()) (void)context_.sources.uploads.Take(name_, host_);
    delete this;
  }

 private:
  void End() {
    const auto name = incoming_->Finish();
    if (!name.ok()) return Fail(name.status());
    name_ = *name;
    response_.set_import_file(name_);
    response_.set_size_bytes(incoming_->size());
    incoming_ = nullptr;
    Finish(grpc::Status::OK);
  }

  // The file is removed before the client is told.
  void Fail(const absl::Status& status) {
    incoming_ = nullptr;
    Finish(ToStatus(status));
  }

  const DebugContext& context_;
  const std::string host_;
  v1::UploadElfResponse& response_;
  std::string name_;  // under which the store keeps the file; empty if it does not
  std::atomic<bool> cancelled_ = false;
  std::unique_ptr<UploadStore::Incoming> incoming_;
  v1::UploadElfRequest request_;
};

}  // namespace

grpc::ServerBidiReactor<debug::DebugReq, debug::DebugResp>* ArduinoDebugService::Debug(
    grpc::CallbackServerContext* context) {
  return StartDebug<ArduinoDebugApi>(serving_, *context);
}

grpc::ServerUnaryReactor* ArduinoDebugService::GetDebugConfig(grpc::CallbackServerContext* context,
                                                              const debug::DebugConfigReq* request,
                                                              debug::GetDebugConfigResp* response) {
  return AnswerConfig<ArduinoDebugApi>(serving_, *context, *request, *response);
}

grpc::ServerBidiReactor<debug_v1::DebugRequest, debug_v1::DebugResponse>* ArduinoDebugV1Service::Debug(
    grpc::CallbackServerContext* context) {
  return StartDebug<ArduinoDebugV1Api>(serving_, *context);
}

grpc::ServerUnaryReactor* ArduinoDebugV1Service::GetDebugConfig(grpc::CallbackServerContext* context,
                                                                const debug_v1::DebugConfigRequest* request,
                                                                debug_v1::GetDebugConfigResponse* response) {
  return AnswerConfig<ArduinoDebugV1Api>(serving_, *context, *request, *response);
}

grpc::ServerBidiReactor<commands::DebugRequest, commands::DebugResponse>* ArduinoCoreService::Debug(
    grpc::CallbackServerContext* context) {
  return StartDebug<ArduinoCoreApi>(serving_, *context);
}

grpc::ServerUnaryReactor* ArduinoCoreService::GetDebugConfig(grpc::CallbackServerContext* context,
                                                             const commands::GetDebugConfigRequest* request,
                                                             commands::GetDebugConfigResponse* response) {
  return AnswerConfig<ArduinoCoreApi>(serving_, *context, *request, *response);
}

grpc::ServerUnaryReactor* ArduinoCoreService::IsDebugSupported(grpc::CallbackServerContext* context,
                                                               const commands::IsDebugSupportedRequest* request,
                                                               commands::IsDebugSupportedResponse* response) {
  const auto fqbn = FindDebugFqbn(ArduinoCoreApi::Config(*request), serving_.sessions.context().sources.recipes);
  if (fqbn.ok()) {
    response->set_debugging_supported(!fqbn->empty());
    response->set_debug_fqbn(*fqbn);
  }
  return Answer(*context, fqbn.status());
}

grpc::ServerReadReactor<v1::UploadElfRequest>* DebugFilesService::UploadElf(grpc::CallbackServerContext* context,
                                                                            v1::UploadElfResponse* response) {
  return new UploadCall(context_, ParsePeer(context->peer()).host, *response);
}

}  // namespace probegate
