// The three generations of Arduino CLI's debugging service. Each type here has the messages of one service, and
// translates between them and the types that all services share.
//
// Take:      from a message of the client, whose contents are moved.
// SetOutput: to the message with gdb's output.
// SetEnd:    to the last message.
// Config:    from the config in a request.
// Describe:  to the answer to GetDebugConfig.
#pragma once

#include <cstddef>
#include <string>

#include "cc/arduino/cli/commands/v1/debug.pb.h"
#include "cc/arduino/cli/debug/debug.pb.h"
#include "cc/arduino/cli/debug/v1/debug.pb.h"
#include "debug/debug_config.h"
#include "debug/debug_description.h"
#include "debug/grpc/debug_call.h"
#include "debug/session_end.h"

namespace probegate {

// cc.arduino.cli.debug.Debug: up to version 0.17. The port is a string.
struct ArduinoDebugApi {
  using Request = cc::arduino::cli::debug::DebugReq;
  using Response = cc::arduino::cli::debug::DebugResp;
  using ConfigRequest = cc::arduino::cli::debug::DebugConfigReq;
  using ConfigResponse = cc::arduino::cli::debug::GetDebugConfigResp;
  static constexpr char kDebugMethod[] = "/cc.arduino.cli.debug.Debug/Debug";
  static constexpr char kConfigMethod[] = "/cc.arduino.cli.debug.Debug/GetDebugConfig";
  static constexpr char kConfigField[] = "debugReq";

  static DebugMessage Take(Request& request);
  static void SetOutput(std::string bytes, Response& response);
  static void SetEnd(const DebugEnd& end, Response& response);
  static DebugConfig Config(const ConfigRequest& request);
  static void Describe(const DebugDescription& description, const DebugConfig& config, ConfigResponse& response);
};

// cc.arduino.cli.debug.v1.DebugService: version 0.19 to 0.34. The port is a message. (In version 0.18 it was still a
// string; that version is not supported.)
struct ArduinoDebugV1Api {
  using Request = cc::arduino::cli::debug::v1::DebugRequest;
  using Response = cc::arduino::cli::debug::v1::DebugResponse;
  using ConfigRequest = cc::arduino::cli::debug::v1::DebugConfigRequest;
  using ConfigResponse = cc::arduino::cli::debug::v1::GetDebugConfigResponse;
  static constexpr char kDebugMethod[] = "/cc.arduino.cli.debug.v1.DebugService/Debug";
  static constexpr char kConfigMethod[] = "/cc.arduino.cli.debug.v1.DebugService/GetDebugConfig";
  static constexpr char kConfigField[] = "debug_request";

  static DebugMessage Take(Request& request);
  static void SetOutput(std::string bytes, Response& response);
  static void SetEnd(const DebugEnd& end, Response& response);
  static DebugConfig Config(const ConfigRequest& request);
  static void Describe(const DebugDescription& description, const DebugConfig& config, ConfigResponse& response);
};

// cc.arduino.cli.commands.v1.ArduinoCoreService: since version 0.35.
struct ArduinoCoreApi {
  using Request = cc::arduino::cli::commands::v1::DebugRequest;
  using Response = cc::arduino::cli::commands::v1::DebugResponse;
  using ConfigRequest = cc::arduino::cli::commands::v1::GetDebugConfigRequest;
  using ConfigResponse = cc::arduino::cli::commands::v1::GetDebugConfigResponse;
  static constexpr char kDebugMethod[] = "/cc.arduino.cli.commands.v1.ArduinoCoreService/Debug";
  static constexpr char kConfigMethod[] = "/cc.arduino.cli.commands.v1.ArduinoCoreService/GetDebugConfig";
  static constexpr char kSupportedMethod[] = "/cc.arduino.cli.commands.v1.ArduinoCoreService/IsDebugSupported";
  static constexpr char kConfigField[] = "debug_request";
  // A result's error is at most this long, so that its length is one byte below 128: clients of version 0.35 read the
  // result as a string, which is then valid UTF-8.
  static constexpr size_t kMaxErrorBytes = 127;

  static DebugMessage Take(Request& request);
  static void SetOutput(std::string bytes, Response& response);
  static void SetEnd(const DebugEnd& end, Response& response);
  static DebugConfig Config(const ConfigRequest& request);
  static DebugConfig Config(const cc::arduino::cli::commands::v1::IsDebugSupportedRequest& request);
  static void Describe(const DebugDescription& description, const DebugConfig& config, ConfigResponse& response);
};

}  // namespace probegate
