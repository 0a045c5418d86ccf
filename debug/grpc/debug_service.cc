#include "debug/grpc/debug_service.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "base/peer.h"
#include "debug/grpc/debug_call.h"

namespace probegate {
namespace {

using cc::arduino::cli::debug::DebugConfigReq;
using cc::arduino::cli::debug::DebugReq;
using cc::arduino::cli::debug::DebugResp;
using cc::arduino::cli::debug::GetDebugConfigResp;

grpc::Status ToStatus(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

std::string FolderOf(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }
std::string NameOf(const std::string& path) { return std::filesystem::path(path).filename().string(); }

void Describe(const DebugPlan& plan, GetDebugConfigResp& response) {
  constexpr std::string_view kGdbSuffix = "-gdb";
  const std::string gdb = NameOf(plan.recipe.gdb);
  response.set_executable(plan.elf.string());
  response.set_toolchain("gcc");
  response.set_toolchain_path(FolderOf(plan.recipe.gdb));
  if (gdb.ends_with(kGdbSuffix)) response.set_toolchain_prefix(gdb.substr(0, gdb.size() - kGdbSuffix.size()));
  response.set_server(NameOf(plan.recipe.server.front()));
  response.set_server_path(FolderOf(plan.recipe.server.front()));
  (*response.mutable_toolchain_configuration())["gdb"] = plan.recipe.gdb;
  (*response.mutable_toolchain_configuration())["recipe"] = plan.recipe.name;
  std::string command;
  for (const std::string& word : plan.recipe.server) command += (command.empty() ? "" : " ") + word;
  (*response.mutable_server_configuration())["command"] = command;
  (*response.mutable_server_configuration())["probe"] = plan.probe;
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

grpc::ServerBidiReactor<DebugReq, DebugResp>* DebugService::Debug(grpc::CallbackServerContext* context) {
  return DebugCall::Start(sessions_, *context, rpc_metrics_.Begin(DebugCall::kMethod));
}

grpc::ServerUnaryReactor* DebugService::GetDebugConfig(grpc::CallbackServerContext* context,
                                                       const DebugConfigReq* request, GetDebugConfigResp* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto plan = MakePlanWithoutUpload(*request, sessions_.context().sources);
  if (plan.ok()) Describe(*plan, *response);
  reactor->Finish(plan.ok() ? grpc::Status::OK : ToStatus(plan.status()));
  return reactor;
}

grpc::ServerReadReactor<v1::UploadElfRequest>* DebugFilesService::UploadElf(grpc::CallbackServerContext* context,
                                                                            v1::UploadElfResponse* response) {
  return new UploadCall(context_, ParsePeer(context->peer()).host, *response);
}

}  // namespace probegate
