// The services of probegate-debugd.
#pragma once

#include <grpcpp/grpcpp.h>

#include "cc/arduino/cli/commands/v1/debug.grpc.pb.h"
#include "cc/arduino/cli/debug/debug.grpc.pb.h"
#include "cc/arduino/cli/debug/v1/debug.grpc.pb.h"
#include "debug/sessions.h"
#include "probegate/v1/debug_files.grpc.pb.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

// What the three debugging services use. Must outlive the server, as what it refers to.
struct DebugServing {
  DebugSessions& sessions;
  const RpcMetrics& rpc_metrics;
};

// The three services do the same. Their GetDebugConfig asks the servers for their probes, and so may block gRPC's
// thread for as long as ProbeLister::List may block.
class ArduinoDebugService final : public cc::arduino::cli::debug::Debug::CallbackService {
 public:
  explicit ArduinoDebugService(const DebugServing& serving) : serving_(serving) {}

  grpc::ServerBidiReactor<cc::arduino::cli::debug::DebugReq, cc::arduino::cli::debug::DebugResp>* Debug(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetDebugConfig(grpc::CallbackServerContext* context,
                                           const cc::arduino::cli::debug::DebugConfigReq* request,
                                           cc::arduino::cli::debug::GetDebugConfigResp* response) override;

 private:
  const DebugServing& serving_;
};

class ArduinoDebugV1Service final : public cc::arduino::cli::debug::v1::DebugService::CallbackService {
 public:
  explicit ArduinoDebugV1Service(const DebugServing& serving) : serving_(serving) {}

  grpc::ServerBidiReactor<cc::arduino::cli::debug::v1::DebugRequest, cc::arduino::cli::debug::v1::DebugResponse>* Debug(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetDebugConfig(grpc::CallbackServerContext* context,
                                           const cc::arduino::cli::debug::v1::DebugConfigRequest* request,
                                           cc::arduino::cli::debug::v1::GetDebugConfigResponse* response) override;

 private:
  const DebugServing& serving_;
};

class ArduinoCoreService final : public cc::arduino::cli::commands::v1::ArduinoCoreService::CallbackService {
 public:
  explicit ArduinoCoreService(const DebugServing& serving) : serving_(serving) {}

  grpc::ServerBidiReactor<cc::arduino::cli::commands::v1::DebugRequest, cc::arduino::cli::commands::v1::DebugResponse>*
  Debug(grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetDebugConfig(grpc::CallbackServerContext* context,
                                           const cc::arduino::cli::commands::v1::GetDebugConfigRequest* request,
                                           cc::arduino::cli::commands::v1::GetDebugConfigResponse* response) override;
  grpc::ServerUnaryReactor* IsDebugSupported(
      grpc::CallbackServerContext* context, const cc::arduino::cli::commands::v1::IsDebugSupportedRequest* request,
      cc::arduino::cli::commands::v1::IsDebugSupportedResponse* response) override;

 private:
  const DebugServing& serving_;
};

class DebugFilesService final : public v1::DebugFiles::CallbackService {
 public:
  // `context` must outlive the server.
  explicit DebugFilesService(const DebugContext& context) : context_(context) {}

  grpc::ServerReadReactor<v1::UploadElfRequest>* UploadElf(grpc::CallbackServerContext* context,
                                                           v1::UploadElfResponse* response) override;

 private:
  const DebugContext& context_;
};

}  // namespace probegate
