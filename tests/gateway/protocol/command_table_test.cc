#include "gateway/protocol/command_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "gateway/protocol/error_status.h"

namespace probegate {
namespace {

using ::testing::HasSubstr;

struct Result {
  Step step = Step::kRefuse;
  v1::StreamRequest request;
  std::string text;
  ResultWriter write_result = nullptr;
};

Result Prepare(const std::string& name, const std::string& arguments, bool has_session = true,
               bool memory_interface = true) {
  static const v1::ProbeDescription kProbe = [] {
    v1::ProbeDescription probe;
    probe.set_product_name("P\"");
    probe.add_wire_protocols(v1::WIRE_PROTOCOL_DEFAULT);
    probe.add_wire_protocols(v1::WIRE_PROTOCOL_JTAG);
    probe.add_capabilities(v1::CAPABILITY_APV2_ADDRESSES);
    probe.add_capabilities(v1::CAPABILITY_SWO);
    return probe;
  }();
  const std::string line = R"({"id": 1, "request": ")" + name + R"(", "arguments": )" + arguments + "}";
  Request request;
  std::string_view error = ParseRequest(line, request);
  const Command* command = error.empty() ? FindCommand(request, error) : nullptr;
  if (!error.empty()) return {.text = std::string(error)};
  const CommandContext context{.probe = kProbe, .has_session = has_session, .offer_memory_interface = memory_interface};
  Call call{.context = context, .write_result = command->write_result};
  Result result;
  result.step = command->prepare(request, call);
  result.request = call.request;
  result.text = call.text;
  result.write_result = call.write_result;
  return result;
}

// Arguments for each command with which it is sent to the server.
const std::map<std::string, std::string> kGood = {
    {"hello", "[1]"},
    {"readprop", R"(["is_open"])"},
    {"open", "[]"},
    {"close", "[]"},
    {"lock", "[]"},
    {"unlock", "[]"},
    {"connect", R"(["SWD"])"},
    {"disconnect", "[]"},
    {"swj_sequence", "[136, 87112285931760246646623899502532662132735]"},
    {"swd_sequence", "[[[8, 153], [5], [33, 8589934591]]]"},
    {"jtag_sequence", "[8, 1, true, 90]"},
    {"set_clock", "[1.5e6]"},
    {"reset", "[]"},
    {"assert_reset", "[true]"},
    {"is_reset_asserted", "[]"},
    {"flush", "[]"},
    {"read_dp", "[4]"},
    {"write_dp", "[8, 4294967295]"},
    {"read_ap", "[16777468]"},
    {"write_ap", "[18446744073709551612, 1]"},
    {"read_ap_multiple", "[12, 4194304]"},
    {"write_ap_multiple", "[12, [1, 4294967295]]"},
    {"get_memory_interface_for_ap", "[2, 4096]"},
    {"read_mem", "[1, 4096, 16]"},
    {"write_mem", "[1, 4096, 7, 16]"},
    {"read_block32", "[1, 4096, 3]"},
    {"write_block32", "[1, 4096, [5, 6]]"},
    {"read_block8", "[1, 4096, 3]"},
    {"write_block8", "[1, 4096, [5, 255]]"},
    {"has_swo", "[]"},
    {"swo_start", "[2000000]"},
    {"swo_stop", "[]"},
    {"swo_read", "[]"},
};

TEST(CommandTable, HasTheWholeProtocol) {
  std::set<std::string> names;
  for (const Command& command : Commands()) EXPECT_TRUE(names.emplace(command.name).second) << command.name;
  std::set<std::string> expected;
  for (const auto& [name, arguments] : kGood) expected.insert(name);
  EXPECT_EQ(names, expected);
  EXPECT_EQ(names.size(), 33U);
}

TEST(CommandTable, EveryStreamRequestHasARowThatMakesIt) {
  const auto* oneof = v1::StreamRequest::descriptor()->FindOneofByName("request");
  for (int i = 0; i < oneof->field_count(); ++i) {
    const std::string name = oneof->field(i)->name();
    if (name == "open_session" || name == "get_state") continue;
    const Result result = Prepare(name, kGood.at(name));
    EXPECT_EQ(result.step, Step::kSend) << name << ": " << result.text;
    EXPECT_EQ(static_cast<int>(result.request.request_case()), oneof->field(i)->number()) << name;
    // The response's field has the same number, by which responses are matched to requests.
    EXPECT_EQ(v1::StreamResponse::descriptor()->FindFieldByName(name)->number(), oneof->field(i)->number()) << name;
  }
}

TEST(CommandTable, CountsArguments) {
  for (const auto& [name, arguments] : kGood) {
    const std::string one_more = arguments == "[]" ? "[0]" : arguments.substr(0, arguments.size() - 1) + ", 0]";
    EXPECT_EQ(Prepare(name, one_more).text, "malformed request; invalid number of arguments") << name;
    if (arguments == "[]") continue;
    EXPECT_EQ(Prepare(name, "[]").text, "malformed request; invalid number of arguments") << name;
  }
}

TEST(CommandTable, KnowsNamesExactly) {
  EXPECT_EQ(Prepare("FLUSH", "[]").text, "unknown request type");
  EXPECT_EQ(Prepare("", "[]").text, "unknown request type");
  EXPECT_EQ(Prepare("fl\\u0075sh", "[]").step, Step::kSend);
}

TEST(CommandTable, FillsInTheRequests) {
  EXPECT_EQ(Prepare("swj_sequence", kGood.at("swj_sequence")).request.swj_sequence().bits(), std::string(17, '\xFF'));
  // Bits beyond the length are not sent.
  EXPECT_EQ(Prepare("swj_sequence", "[51, 72057594037927935]").request.swj_sequence().bits(),
            "\xFF\xFF\xFF\xFF\xFF\xFF\x07");
  const auto swd = Prepare("swd_sequence", kGood.at("swd_sequence")).request.swd_sequence();
  ASSERT_EQ(swd.segments_size(), 3);
  EXPECT_EQ(swd.segments(0).output(), "\x99");
  EXPECT_FALSE(swd.segments(1).has_output());
  EXPECT_EQ(swd.segments(1).cycles(), 5U);
  EXPECT_EQ(swd.segments(2).output(), "\xFF\xFF\xFF\xFF\x01");
  const auto jtag = Prepare("jtag_sequence", "[8, 0, 1, 90]").request.jtag_sequence();
  EXPECT_FALSE(jtag.tms());
  EXPECT_TRUE(jtag.read_tdo());
  EXPECT_EQ(jtag.tdi(), "Z");
  EXPECT_EQ(Prepare("set_clock", "[1500000.7]").request.set_clock().frequency_hz(), 1'500'000U);
  EXPECT_EQ(Prepare("set_clock", "[4000000]").request.set_clock().frequency_hz(), 4'000'000U);
  EXPECT_TRUE(Prepare("assert_reset", "[1]").request.assert_reset().asserted());
  EXPECT_EQ(Prepare("write_dp", "[true, false]").request.write_dp().address(), 1U);
  EXPECT_EQ(Prepare("write_ap", kGood.at("write_ap")).request.write_ap().address(), 18446744073709551612ULL);
  EXPECT_EQ(Prepare("write_mem", kGood.at("write_mem")).request.write_mem().transfer_size(), 16U);
  EXPECT_EQ(Prepare("write_mem", kGood.at("write_mem")).request.write_mem().value(), 7U);
  EXPECT_EQ(Prepare("write_block32", kGood.at("write_block32")).request.write_block32().values(1), 6U);
  EXPECT_EQ(Prepare("write_block8", kGood.at("write_block8")).request.write_block8().data(), "\x05\xFF");
  EXPECT_EQ(Prepare("connect", R"(["DEFAULT"])").request.connect().protocol(), v1::WIRE_PROTOCOL_DEFAULT);
  EXPECT_EQ(Prepare("connect", R"(["JTAG"])").request.connect().protocol(), v1::WIRE_PROTOCOL_JTAG);
}

struct Bad {
  const char* name;
  const char* arguments;
  const char* text;
};
class BadArguments : public ::testing::TestWithParam<Bad> {};
TEST_P(BadArguments, AreRefusedWithTheArgumentsName) {
  const Result result = Prepare(GetParam().name, GetParam().arguments);
  EXPECT_EQ(result.step, Step::kRefuse);
  EXPECT_THAT(result.text, HasSubstr(GetParam().text));
  EXPECT_LT(result.text.size(), 300U);
}
INSTANTIATE_TEST_SUITE_P(
    Commands, BadArguments,
    ::testing::Values(
        Bad{"hello", "[2]", "client requested unsupported protocol version 2 (expected 1)"},
        Bad{"hello", "[0.5]", "client requested unsupported protocol version 0 (expected 1)"},
        Bad{"hello", R"(["1"])", R"(version must be an integer, got "1")"},
        Bad{"hello", "[null]", "version must be an integer, got null"},
        Bad{"readprop", R"(["nope"])", "unknown property name 'nope' requested"},
        Bad{"readprop", R"(["_open_count"])", "unknown property name"},
        Bad{"readprop", "[5]", "name must be a string, got 5"},
        Bad{"connect", R"(["I2C"])", "invalid protocol name I2C"}, Bad{"connect", "[5]", "invalid protocol name 5"},
        Bad{"swj_sequence", "[0, 0]", "length must be an integer from 1 to 65536, got 0"},
        Bad{"swj_sequence", "[65537, 0]", "length must be"},
        Bad{"swj_sequence", "[8, -1]", "bits must be an integer from 0 upward of at most 65536 bits, got -1"},
        Bad{"swj_sequence", "[8, 1.0]", "bits must be"},
        Bad{"swd_sequence", "[5]", "sequences must be a list of [cycles]"}, Bad{"swd_sequence", "[[5]]", "got 5"},
        Bad{"swd_sequence", "[[[]]]", "got []"}, Bad{"swd_sequence", "[[[0]]]", "got [0]"},
        Bad{"swd_sequence", "[[[65, 1]]]", "got [65, 1]"}, Bad{"swd_sequence", "[[[8, 1, 2]]]", "got [8, 1, 2]"},
        Bad{"swd_sequence", R"([[[8, "1"]]])", R"(got "1")"},
        Bad{"jtag_sequence", "[8, 2, true, 0]", "tms must be true or false, got 2"},
        Bad{"jtag_sequence", "[8, 1, null, 0]", "read_tdo must be true or false, got null"},
        Bad{"jtag_sequence", "[0, 1, true, 0]", "cycles must be"},
        Bad{"set_clock", "[0]", "frequency must be a number of Hz from 1 to 4294967295, got 0"},
        Bad{"set_clock", "[1e300]", "frequency must be"}, Bad{"set_clock", R"(["fast"])", "frequency must be"},
        Bad{"assert_reset", R"(["x"])", "asserted must be true or false"},
        Bad{"read_dp", "[-1]", "address must be an integer from 0 to 4294967295, got -1"},
        Bad{"read_dp", "[1.0]", "address must be"},
        Bad{"write_dp", "[0, 4294967296]", "value must be an integer from 0 to 4294967295, got 4294967296"},
        Bad{"read_ap", "[18446744073709551616]", "address must be an integer from 0 to 18446744073709551615"},
        Bad{"read_ap_multiple", "[12, 4194305]", "count must be an integer from 0 to 4194304, got 4194305"},
        Bad{"write_ap_multiple", "[12, 5]", "values must be a list of at most 4194304 integers"},
        Bad{"write_ap_multiple", "[12, [1, -2, 3]]", "got -2"},
        Bad{"get_memory_interface_for_ap", "[3, 0]",
            "invalid AP version in remote get_memory_interface_for_ap request"},
        Bad{"get_memory_interface_for_ap", R"(["1", 0])", "invalid AP version"},
        Bad{"swo_start", "[null]", "baudrate must be"},
        Bad{"read_mem", "[-1, 0, 32]", "invalid handle received from remote memory access"},
        Bad{"write_mem", "[4294967296, 0, 0, 32]", "invalid handle received"},
        Bad{"write_mem", "[null, 0, 0, 32]", "handle must be"},
        Bad{"read_block32", "[0, 0, 4194305]", "word_count must be"},
        Bad{"read_block8", "[0, 0, 16777217]", "byte_count must be"},
        Bad{"write_block32", "[0, 0, [1, 4294967296]]", "got 4294967296"},
        Bad{"write_block8", "[0, 0, [1, 256]]", "got 256"}));

TEST(CommandTable, ReadsConstantPropertiesWithoutTheServer) {
  EXPECT_EQ(Prepare("readprop", R"(["product_name"])").text, R"("P\"")");
  EXPECT_EQ(Prepare("readprop", R"(["supported_wire_protocols"])").text, R"(["DEFAULT", "JTAG"])");
  EXPECT_EQ(Prepare("readprop", R"(["capabilities"])").text, R"(["APv2_ADDRESSES", "SWO"])");
  EXPECT_EQ(Prepare("readprop", R"(["associated_board_info"])").step, Step::kAnswer);
  EXPECT_EQ(Prepare("readprop", R"(["associated_board_info"])").text, "");
}

TEST(CommandTable, AsksTheSessionForItsState) {
  EXPECT_EQ(Prepare("readprop", R"(["is_open"])", false).text, "false");
  EXPECT_EQ(Prepare("readprop", R"(["wire_protocol"])", false).step, Step::kAnswer);
  const Result is_open = Prepare("readprop", R"(["is_open"])");
  const Result protocol = Prepare("readprop", R"(["wire_protocol"])");
  EXPECT_TRUE(is_open.request.has_get_state());
  v1::StreamResponse response;
  std::string out;
  response.mutable_get_state()->set_is_open(true);
  EXPECT_TRUE(is_open.write_result(response, out));
  EXPECT_FALSE(protocol.write_result(response, out));
  EXPECT_EQ(out, "true");
  response.mutable_get_state()->set_wire_protocol(v1::WIRE_PROTOCOL_SWD);
  EXPECT_TRUE(protocol.write_result(response, out));
  EXPECT_EQ(out, "true\"SWD\"");
}

TEST(CommandTable, OffersMemoryInterfacesWhenToldTo) {
  EXPECT_EQ(Prepare("get_memory_interface_for_ap", "[1, 0]", true, false).step, Step::kAnswer);
  EXPECT_EQ(Prepare("get_memory_interface_for_ap", "[1, 0]", true, true).step, Step::kSend);
}

TEST(CommandTable, WritesResults) {
  const auto write = [](const std::string& name, const v1::StreamResponse& response) {
    std::string out;
    for (const Command& command : Commands()) {
      if (command.name == name && command.write_result != nullptr && !command.write_result(response, out)) out = "none";
    }
    return out;
  };
  v1::StreamResponse response;
  response.mutable_swd_sequence()->add_captured("\x01\xFF");
  response.mutable_swd_sequence()->add_captured("\x02");
  EXPECT_EQ(write("swd_sequence", response), "[0, [[1, 255], [2]]]");
  response.mutable_swd_sequence()->clear_captured();
  EXPECT_EQ(write("swd_sequence", response), "[0, []]");
  response.mutable_jtag_sequence();
  EXPECT_EQ(write("jtag_sequence", response), "none");
  response.mutable_jtag_sequence()->set_tdo(std::string(17, '\xFF'));
  EXPECT_EQ(write("jtag_sequence", response), "87112285931760246646623899502532662132735");
  response.mutable_get_memory_interface_for_ap();
  EXPECT_EQ(write("get_memory_interface_for_ap", response), "none");
  response.mutable_get_memory_interface_for_ap()->set_handle(0);
  EXPECT_EQ(write("get_memory_interface_for_ap", response), "0");
  response.mutable_swo_read();
  EXPECT_EQ(write("swo_read", response), "[]");
  response.mutable_read_block8()->set_data("\xA5");
  EXPECT_EQ(write("read_block8", response), "[165]");
  response.mutable_is_reset_asserted()->set_asserted(true);
  EXPECT_EQ(write("is_reset_asserted", response), "true");
}

TEST(ErrorStatus, EveryErrorKindHasItsStatus) {
  const auto* kinds = v1::ErrorKind_descriptor();
  const std::map<std::string, int> expected = {
      {"INVALID_ARGUMENT", 1},   {"NOT_OPEN", 3},        {"UNSUPPORTED", 3},
      {"PROBE_DISCONNECTED", 2}, {"PROBE_ERROR", 3},     {"TRANSFER_ERROR", 10},
      {"TRANSFER_TIMEOUT", 11},  {"TRANSFER_FAULT", 12}, {"BUSY", 3},
      {"NOT_FOUND", 1},          {"INTERNAL", 1},        {"UNSPECIFIED", 1},
      {"UNAUTHENTICATED", 3},    {"DENIED", 3},          {"UNAVAILABLE", 3},
  };
  for (int i = 0; i < kinds->value_count(); ++i) {
    const std::string name = kinds->value(i)->name().substr(std::string("ERROR_KIND_").size());
    const auto kind = static_cast<v1::ErrorKind>(kinds->value(i)->number());
    EXPECT_EQ(static_cast<int>(StatusOfError(kind)), expected.at(name)) << name;
  }
}

}  // namespace
}  // namespace probegate
