// The services of probegate-debugd.
#pragma once

#include <grpcpp/grpcpp.h>

#include "access/grpc/call_gate.h"
#include "cc/arduino/cli/commands/v1/debug.grpc.pb.h"
#include "cc/arduino/cli/debug/debug.grpc.pb.h"
#include "cc/arduino/cli/debug/v1/debug.grpc.pb.h"
#include "debug/sessions.h"
#include "probegate/v1/debug_files.grpc.pb.h"

namespace probegate {

// What the services use. Must outlive the server, as what it refers to. Every method passes the gate first.
struct DebugServing {
  DebugSessions& sessions;
  const CallGate& gate;
};

// The generated services, with GetDebugConfig in bytes (debug/grpc/config_call.h).
using ArduinoDebugBase = cc::arduino::cli::debug::Debug::WithCallbackMethod_Debug<
    cc::arduino::cli::debug::Debug::WithRawCallbackMethod_GetDebugConfig<cc::arduino::cli::debug::Debug::Service>>;
using ArduinoDebugV1Base = cc::arduino::cli::debug::v1::DebugService::WithCallbackMethod_Debug<
    cc::arduino::cli::debug::v1::DebugService::WithRawCallbackMethod_GetDebugConfig<
        cc::arduino::cli::debug::v1::DebugService::Service>>;
using ArduinoCoreBase = cc::arduino::cli::commands::v1::ArduinoCoreService::WithCallbackMethod_Debug<
    cc::arduino::cli::commands::v1::ArduinoCoreService::WithRawCallbackMethod_GetDebugConfig<
        cc::arduino::cli::commands::v1::ArduinoCoreService::WithCallbackMethod_IsDebugSupported<
            cc::arduino::cli::commands::v1::ArduinoCoreService::Service>>>;

// The three services do the same. None of their methods blocks.
class ArduinoDebugService final : public ArduinoDebugBase {
 public:
  explicit ArduinoDebugService(const DebugServing& serving) : serving_(serving) {}

  grpc::ServerBidiReactor<cc::arduino::cli::debug::DebugReq, cc::arduino::cli::debug::DebugResp>* Debug(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetDebugConfig(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;

 private:
  const DebugServing& serving_;
};

class ArduinoDebugV1Service final : public ArduinoDebugV1Base {
 public:
  explicit ArduinoDebugV1Service(const DebugServing& serving) : serving_(serving) {}

  grpc::ServerBidiReactor<cc::arduino::cli::debug::v1::DebugRequest, cc::arduino::cli::debug::v1::DebugResponse>* Debug(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetDebugConfig(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;

 private:
  const DebugServing& serving_;
};

class ArduinoCoreService final : public ArduinoCoreBase {
 public:
  explicit ArduinoCoreService(const DebugServing& serving) : serving_(serving) {}

  grpc::ServerBidiReactor<cc::arduino::cli::commands::v1::DebugRequest, cc::arduino::cli::commands::v1::DebugResponse>*
  Debug(grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetDebugConfig(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* IsDebugSupported(
      grpc::CallbackServerContext* context, const cc::arduino::cli::commands::v1::IsDebugSupportedRequest* request,
      cc::arduino::cli::commands::v1::IsDebugSupportedResponse* response) override;

 private:
  const DebugServing& serving_;
};

class DebugFilesService final : public v1::DebugFiles::CallbackService {
 public:
  static constexpr char kUploadMethod[] = "/probegate.v1.DebugFiles/UploadElf";

  explicit DebugFilesService(const DebugServing& serving) : serving_(serving) {}

  grpc::ServerReadReactor<v1::UploadElfRequest>* UploadElf(grpc::CallbackServerContext* context,
                                                           v1::UploadElfResponse* response) override;

 private:
  const DebugServing& serving_;
};

}  // namespace probegate
