// What the messages of each generation of Arduino CLI's services say, and what its clients are told.
#include "debug/grpc/arduino_apis.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> PortOf(const DebugConfig& config) {
  std::vector<std::string> names;
  for (const PortName& name : config.port) names.push_back(name.field + "=" + name.value);
  return names;
}

DebugEnd GdbExited(int code) {
  DebugEnd end(DebugEndCause::kGdbExited, "gdb exited with code " + std::to_string(code));
  end.gdb_exit_code = code;
  return end;
}

const DebugDescription kDescription = {.executable = "/e.elf",
                                       .toolchain = "gcc",
                                       .toolchain_path = "/usr/bin",
                                       .toolchain_prefix = "arm-none-eabi",
                                       .server = "pyocd",
                                       .server_path = "/opt",
                                       .toolchain_configuration = {{"gdb", "/usr/bin/gdb"}, {"recipe", "\"r\""}},
                                       .server_configuration = {{"probe", "A1"}, {"command", "/opt/pyocd -x"}}};

// --- What all have in common

template <typename Api>
class ArduinoApisTest : public testing::Test {
 public:
  static typename Api::ConfigRequest& ConfigIn(typename Api::Request& request) {
    if constexpr (std::is_same_v<Api, ArduinoDebugApi>) {
      return *request.mutable_debugreq();
    } else {
      return *request.mutable_debug_request();
    }
  }
};
using Apis = testing::Types<ArduinoDebugApi, ArduinoDebugV1Api, ArduinoCoreApi>;
TYPED_TEST_SUITE(ArduinoApisTest, Apis);

TYPED_TEST(ArduinoApisTest, TakesTheConfigOfTheFirstMessage) {
  typename TypeParam::Request request;
  auto& fields = TestFixture::ConfigIn(request);
  fields.mutable_instance()->set_id(7);
  fields.set_fqbn("a:b:c:d=1");
  fields.set_sketch_path("/sketch");
  fields.set_interpreter("mi2");
  fields.set_import_dir("/import");
  fields.set_programmer("cmsis_dap");
  const DebugMessage message = TypeParam::Take(request);
  ASSERT_TRUE(message.config.has_value());
  EXPECT_EQ(message.config->fqbn, "a:b:c:d=1");
  EXPECT_EQ(message.config->sketch_path, "/sketch");
  EXPECT_EQ(message.config->interpreter, "mi2");
  EXPECT_EQ(message.config->import_dir, "/import");
  EXPECT_EQ(message.config->import_file, "");
  EXPECT_FALSE(message.config->verbose);
  EXPECT_THAT(message.config->port, IsEmpty());
  EXPECT_EQ(message.data, "");
  EXPECT_FALSE(message.interrupt);
}

TYPED_TEST(ArduinoApisTest, TakesInputAndInterruptsOfLaterMessages) {
  typename TypeParam::Request request;
  request.set_data(std::string("a\0b", 3));
  request.set_send_interrupt(true);
  const DebugMessage message = TypeParam::Take(request);
  EXPECT_FALSE(message.config.has_value());
  EXPECT_EQ(message.data, std::string("a\0b", 3));
  EXPECT_TRUE(message.interrupt);
}

TYPED_TEST(ArduinoApisTest, TheLastMessageHasNoOutput) {
  typename TypeParam::Response response;
  TypeParam::SetOutput("(gdb) ", response);
  EXPECT_EQ(response.data(), "(gdb) ");
  TypeParam::SetEnd(GdbExited(3), response);
  EXPECT_EQ(response.data(), "");
}

TYPED_TEST(ArduinoApisTest, DescribesTheToolchainAndTheServer) {
  typename TypeParam::ConfigResponse response;
  TypeParam::Describe(kDescription, {}, response);
  EXPECT_EQ(response.executable(), "/e.elf");
  EXPECT_EQ(response.toolchain(), "gcc");
  EXPECT_EQ(response.toolchain_path(), "/usr/bin");
  EXPECT_EQ(response.toolchain_prefix(), "arm-none-eabi");
  EXPECT_EQ(response.server(), "pyocd");
  EXPECT_EQ(response.server_path(), "/opt");
}

// --- What differs

TEST(ArduinoDebugApiTest, ThePortIsATextAndTheFileMayBeNamed) {
  ArduinoDebugApi::ConfigRequest request;
  request.set_port("vendor=acme");
  request.set_import_file("a.elf");
  request.set_verbose(true);
  const DebugConfig config = ArduinoDebugApi::Config(request);
  EXPECT_THAT(PortOf(config), ElementsAre("port=vendor=acme"));
  EXPECT_EQ(config.import_file, "a.elf");
  EXPECT_TRUE(config.verbose);
}

TEST(ArduinoDebugApiTest, TheEndIsAlwaysAText) {
  ArduinoDebugApi::Response response;
  ArduinoDebugApi::SetEnd(GdbExited(0), response);
  EXPECT_EQ(response.error(), "gdb exited with code 0");
}

template <typename Api>
class PortMessageTest : public testing::Test {};
using LaterApis = testing::Types<ArduinoDebugV1Api, ArduinoCoreApi>;
TYPED_TEST_SUITE(PortMessageTest, LaterApis);

TYPED_TEST(PortMessageTest, AddressThenHardwareIdThenSerialNumberNameTheProbe) {
  typename TypeParam::ConfigRequest request;
  auto& port = *request.mutable_port();
  (*port.mutable_properties())["vid"] = "0x2341";
  port.set_label("label");
  port.set_protocol("serial");
  EXPECT_THAT(PortOf(TypeParam::Config(request)), IsEmpty());
  (*port.mutable_properties())["serialNumber"] = "A3";
  EXPECT_THAT(PortOf(TypeParam::Config(request)), ElementsAre("port.properties[serialNumber]=A3"));
  port.set_address("/dev/ttyACM0");
  port.set_hardware_id("A2");
  EXPECT_THAT(PortOf(TypeParam::Config(request)),
              ElementsAre("port.address=/dev/ttyACM0", "port.hardware_id=A2", "port.properties[serialNumber]=A3"));
}

TEST(ArduinoDebugV1ApiTest, TheEndIsATextUnlessGdbSucceeded) {
  ArduinoDebugV1Api::Response response;
  ArduinoDebugV1Api::SetEnd(GdbExited(0), response);
  EXPECT_EQ(response.error(), "");
  ArduinoDebugV1Api::SetEnd(GdbExited(3), response);
  EXPECT_EQ(response.error(), "gdb exited with code 3");
}

TEST(ArduinoDebugV1ApiTest, DescribesTheRestInMaps) {
  ArduinoDebugV1Api::ConfigResponse response;
  ArduinoDebugV1Api::Describe(kDescription, {}, response);
  EXPECT_EQ(response.toolchain_configuration().at("recipe"), "\"r\"");
  EXPECT_EQ(response.server_configuration().at("probe"), "A1");
}

std::string ErrorOfResult(const DebugEnd& end) {
  ArduinoCoreApi::Response response;
  ArduinoCoreApi::SetOutput("before", response);
  ArduinoCoreApi::SetEnd(end, response);
  EXPECT_EQ(response.message_case(), ArduinoCoreApi::Response::kResult);
  return response.result().error();
}

TEST(ArduinoCoreApiTest, TheEndIsAResultWithAnErrorUnlessGdbSucceeded) {
  EXPECT_EQ(ErrorOfResult(GdbExited(0)), "");
  EXPECT_EQ(ErrorOfResult(GdbExited(3)), "gdb exited with code 3");
  EXPECT_EQ(ErrorOfResult({DebugEndCause::kStageFailed, "stage gdb: failed; its last lines:\none\ntwo"}),
            "stage gdb: failed; its last lines:");
}

// Its wire form is then also a text, for the clients of version 0.35.
TEST(ArduinoCoreApiTest, AResultsErrorIsShort) {
  EXPECT_EQ(ErrorOfResult({DebugEndCause::kBadConfig, std::string(127, 'x')}), std::string(127, 'x'));
  EXPECT_EQ(ErrorOfResult({DebugEndCause::kBadConfig, std::string(128, 'x')}), std::string(127, 'x'));
  // Cut between characters.
  EXPECT_EQ(ErrorOfResult({DebugEndCause::kBadConfig, std::string(126, 'x') + "\u00e4"}), std::string(126, 'x'));
}

TEST(ArduinoCoreApiTest, DescribesTheRestInJsonAndReturnsTheProgrammer) {
  ArduinoCoreApi::ConfigRequest request;
  request.set_programmer("cmsis_dap");
  ArduinoCoreApi::ConfigResponse response;
  ArduinoCoreApi::Describe(kDescription, ArduinoCoreApi::Config(request), response);
  EXPECT_EQ(response.programmer(), "cmsis_dap");
  EXPECT_TRUE(response.toolchain_configuration().Is<cc::arduino::cli::commands::v1::DebugGCCToolchainConfiguration>());
  EXPECT_FALSE(response.has_server_configuration());
  google::protobuf::Struct custom;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(response.custom_configs().at("probegate"), &custom).ok());
  EXPECT_EQ(custom.fields_size(), 4);
  EXPECT_EQ(custom.fields().at("recipe").string_value(), "\"r\"");
  EXPECT_EQ(custom.fields().at("gdb").string_value(), "/usr/bin/gdb");
  EXPECT_EQ(custom.fields().at("probe").string_value(), "A1");
  EXPECT_EQ(custom.fields().at("command").string_value(), "/opt/pyocd -x");
}

TEST(ArduinoCoreApiTest, WhetherABoardIsSupportedDependsOnTheBoardOnly) {
  cc::arduino::cli::commands::v1::IsDebugSupportedRequest request;
  request.set_fqbn("a:b:c");
  request.set_interpreter("mi2");
  request.mutable_port()->set_address("/dev/ttyACM0");
  const DebugConfig config = ArduinoCoreApi::Config(request);
  EXPECT_EQ(config.fqbn, "a:b:c");
  EXPECT_EQ(config.interpreter, "mi2");
  EXPECT_THAT(config.port, IsEmpty());
}

}  // namespace
}  // namespace probegate
