// The services of probegate-debugd.
#pragma once

#include <thread>

#include <grpcpp/grpcpp.h>

#include "cc/arduino/cli/debug/debug.grpc.pb.h"
#include "debug/sessions.h"
#include "probegate/v1/debug_files.grpc.pb.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

class DebugService final : public cc::arduino::cli::debug::Debug::CallbackService {
 public:
  // `sessions` and `rpc_metrics` must outlive the server.
  DebugService(DebugSessions& sessions, const RpcMetrics& rpc_metrics)
      : sessions_(sessions), rpc_metrics_(rpc_metrics) {}

  grpc::ServerBidiReactor<cc::arduino::cli::debug::DebugReq, cc::arduino::cli::debug::DebugResp>* Debug(
      grpc::CallbackServerContext* context) override;
  // Asks the servers for their probes, and so may block gRPC's thread for as long as ProbeLister::List may block.
  grpc::ServerUnaryReactor* GetDebugConfig(grpc::CallbackServerContext* context,
                                           const cc::arduino::cli::debug::DebugConfigReq* request,
                                           cc::arduino::cli::debug::GetDebugConfigResp* response) override;

 private:
  DebugSessions& sessions_;
  const RpcMetrics& rpc_metrics_;
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
