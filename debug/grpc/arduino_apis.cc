#include "debug/grpc/arduino_apis.h"

#include <utility>
#include <vector>

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "base/one_line.h"

namespace probegate {
namespace {

// --- What several services have in common

// `config`: what the message has in the field of the config; null if that is not set.
template <typename Api>
DebugMessage TakeFields(typename Api::Request& request, const typename Api::ConfigRequest* config) {
  DebugMessage message;
  if (config != nullptr) message.config = Api::Config(*config);
  message.data = std::move(*request.mutable_data());
  message.interrupt = request.send_interrupt();
  return message;
}

// The fields that all three services have, except for the port.
template <typename ConfigRequest>
DebugConfig CommonConfig(const ConfigRequest& request) {
  DebugConfig config;
  config.fqbn = request.fqbn();
  config.interpreter = request.interpreter();
  config.import_dir = request.import_dir();
  config.sketch_path = request.sketch_path();
  return config;
}

template <typename ConfigResponse>
void DescribeCommon(const DebugDescription& description, ConfigResponse& response) {
  response.set_executable(description.executable);
  response.set_toolchain(description.toolchain);
  response.set_toolchain_path(description.toolchain_path);
  response.set_toolchain_prefix(description.toolchain_prefix);
  response.set_server(description.server);
  response.set_server_path(description.server_path);
}

template <typename ConfigResponse>
void DescribeInMaps(const DebugDescription& description, ConfigResponse& response) {
  DescribeCommon(description, response);
  response.mutable_toolchain_configuration()->insert(description.toolchain_configuration.begin(),
                                                     description.toolchain_configuration.end());
  response.mutable_server_configuration()->insert(description.server_configuration.begin(),
                                                  description.server_configuration.end());
}

void AddName(const std::string& field, const std::string& value, std::vector<PortName>& names) {
  if (!value.empty()) names.push_back({field, value});
}

std::vector<PortName> NamesIn(const cc::arduino::cli::commands::v1::Port& port) {
  std::vector<PortName> names;
  AddName("port.address", port.address(), names);
  AddName("port.hardware_id", port.hardware_id(), names);
  const auto serial = port.properties().find("serialNumber");
  if (serial != port.properties().end()) AddName("port.properties[serialNumber]", serial->second, names);
  return names;
}

// In the services since version 0.19, `error` is set only if the session failed.
std::string ErrorOf(const DebugEnd& end) { return end.gdb_exit_code == 0 ? std::string() : end.reason; }

std::string JsonOf(const DebugDescription& description) {
  google::protobuf::Struct object;
  for (const auto* map : {&description.toolchain_configuration, &description.server_configuration}) {
    for (const auto& [key, value] : *map) (*object.mutable_fields())[key].set_string_value(value);
  }
  std::string json;
  // It could only fail because of numbers that JSON cannot express.
  (void)google::protobuf::util::MessageToJsonString(object, &json);
  return json;
}

}  // namespace

// --- cc.arduino.cli.debug.Debug

DebugMessage ArduinoDebugApi::Take(Request& request) {
  return TakeFields<ArduinoDebugApi>(request, request.has_debugreq() ? &request.debugreq() : nullptr);
}

void ArduinoDebugApi::SetOutput(std::string bytes, Response& response) { response.set_data(std::move(bytes)); }

void ArduinoDebugApi::SetEnd(const DebugEnd& end, Response& response) {
  response.Clear();
  response.set_error(end.reason);
}

DebugConfig ArduinoDebugApi::Config(const ConfigRequest& request) {
  DebugConfig config = CommonConfig(request);
  AddName("port", request.port(), config.port);
  config.verbose = request.verbose();
  config.import_file = request.import_file();
  return config;
}

void ArduinoDebugApi::Describe(const DebugDescription& description, const DebugConfig& /*config*/,
                               ConfigResponse& response) {
  DescribeInMaps(description, response);
}

// --- cc.arduino.cli.debug.v1.DebugService

DebugMessage ArduinoDebugV1Api::Take(Request& request) {
  return TakeFields<ArduinoDebugV1Api>(request, request.has_debug_request() ? &request.debug_request() : nullptr);
}

void ArduinoDebugV1Api::SetOutput(std::string bytes, Response& response) { response.set_data(std::move(bytes)); }

void ArduinoDebugV1Api::SetEnd(const DebugEnd& end, Response& response) {
  response.Clear();
  response.set_error(ErrorOf(end));
}

DebugConfig ArduinoDebugV1Api::Config(const ConfigRequest& request) {
  DebugConfig config = CommonConfig(request);
  config.port = NamesIn(request.port());
  return config;
}

void ArduinoDebugV1Api::Describe(const DebugDescription& description, const DebugConfig& /*config*/,
                                 ConfigResponse& response) {
  DescribeInMaps(description, response);
}

// --- cc.arduino.cli.commands.v1.ArduinoCoreService

DebugMessage ArduinoCoreApi::Take(Request& request) {
  return TakeFields<ArduinoCoreApi>(request, request.has_debug_request() ? &request.debug_request() : nullptr);
}

void ArduinoCoreApi::SetOutput(std::string bytes, Response& response) { response.set_data(std::move(bytes)); }

void ArduinoCoreApi::SetEnd(const DebugEnd& end, Response& response) {
  const std::string error = ErrorOf(end);
  response.mutable_result()->set_error(OneLine(error.substr(0, error.find('\n')), kMaxErrorBytes));
}

DebugConfig ArduinoCoreApi::Config(const ConfigRequest& request) {
  DebugConfig config = CommonConfig(request);
  config.port = NamesIn(request.port());
  config.programmer = request.programmer();
  return config;
}

DebugConfig ArduinoCoreApi::Config(const cc::arduino::cli::commands::v1::IsDebugSupportedRequest& request) {
  DebugConfig config;
  config.fqbn = request.fqbn();
  config.interpreter = request.interpreter();
  return config;
}

void ArduinoCoreApi::Describe(const DebugDescription& description, const DebugConfig& config,
                              ConfigResponse& response) {
  DescribeCommon(description, response);
  response.mutable_toolchain_configuration()->PackFrom(
      cc::arduino::cli::commands::v1::DebugGCCToolchainConfiguration());
  (*response.mutable_custom_configs())["probegate"] = JsonOf(description);
  response.set_programmer(config.programmer);
}

}  // namespace probegate
