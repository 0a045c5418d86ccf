// What is made of the answers of devices that say too little about themselves, or the wrong thing.
#include "probe/cmsis_dap/identify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "probe/cmsis_dap/protocol.h"
#include "probe/error.h"
#include "tests/fakes/fake_transport.h"

namespace probegate::cmsis_dap {
namespace {

using Packet = FakeTransport::Packet;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Packet Value(const std::string& bytes) {
  Packet reply(2 + bytes.size());
  reply[1] = static_cast<uint8_t>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), reply.begin() + 2);
  return reply;
}
Packet Text(const std::string& text) { return Value(text + '\0'); }

const Packet kUnknown = {0xFF};
const Packet kSilence;

struct Assumptions : NoObserver {
  void OnAssumption(std::string_view what) override { texts.emplace_back(what); }
  std::vector<std::string> texts;
};

class IdentifyTest : public testing::Test {
 protected:
  // The reply to a request; empty for none.
  Packet Answer(const Packet& request) const {
    if (request[0] == 0x1D) return swd_sequence;
    if (request[0] != 0x00) return {request[0], 0};
    const auto answer = answers.find(static_cast<InfoId>(request[1]));
    return answer == answers.end() ? Text("x") : answer->second;
  }

  absl::StatusOr<Identity> Ask(const Options& options = {.fallback_id = "host:1"}) {
    seen.texts.clear();
    record = std::make_shared<FakeTransport::Record>();
    record->tells_unasked = tells_unasked;
    channel = std::make_unique<Channel>(std::make_unique<FakeTransport>(
                                            [this](const Packet& request) {
                                              std::vector<Packet> replies = std::exchange(stale, {});
                                              Packet reply = Answer(request);
                                              if (!reply.empty()) replies.push_back(std::move(reply));
                                              return replies;
                                            },
                                            record),
                                        std::chrono::milliseconds(1));
    channel->SetObserver(&seen);
    return Identify(*channel, options);
  }
  bool WasAskedFor(const Packet& request) const {
    return std::find(record->requests.begin(), record->requests.end(), request) != record->requests.end();
  }

  std::map<InfoId, Packet> answers = {{InfoId::kSerialNumber, Text("S1")},
                                      {InfoId::kProtocolVersion, Text("2.1.1")},
                                      {InfoId::kCapabilities, Value("\x03")},
                                      {InfoId::kPacketCount, Value("\x04")},
                                      {InfoId::kPacketSize, Packet{0, 2, 0, 2}}};
  Packet swd_sequence = {0x1D, 0x00};
  std::vector<Packet> stale;  // replies that an earlier user has left in the device
  bool tells_unasked = true;
  Assumptions seen;
  std::shared_ptr<FakeTransport::Record> record;
  std::unique_ptr<Channel> channel;
};

TEST_F(IdentifyTest, AnOrdinaryDeviceIsTakenAtItsWord) {
  const auto identity = Ask();
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->info.unique_id, "S1");
  EXPECT_EQ(identity->packet_size, 512u);
  EXPECT_EQ(identity->packet_count, 4u);
  EXPECT_TRUE(identity->info.features.jtag && identity->info.features.swd_sequence && !identity->info.features.swo);
  EXPECT_THAT(seen.texts, IsEmpty());
}

TEST_F(IdentifyTest, PacketSizes) {
  const struct {
    Packet answer;
    size_t size;
    bool assumed;
  } rows[] = {{{0, 1, 0x40}, 64, false},
              {{0, 2, 0x41, 0}, 65, false},
              {{0, 2, 32, 0}, 32, false},
              {{0, 4, 0, 2, 0, 0}, 512, false},
              {{0, 2, 0, 0x20}, 1024, false},  // what the transport carries
              {{0, 2, 0x40}, 64, false},       // cut off
              {{0, 0}, 64, true},
              {kUnknown, 64, true},
              {{0, 2, 0, 0}, 64, true},
              {{0, 2, 31, 0}, 64, true},
              {{0, 2, 0xFF, 0xFF}, 64, true},
              {{0, 5, 64, 0, 0, 0, 0}, 64, true}};
  for (const auto& row : rows) {
    answers[InfoId::kPacketSize] = row.answer;
    const auto identity = Ask();
    ASSERT_TRUE(identity.ok()) << identity.status();
    EXPECT_EQ(identity->packet_size, row.size) << testing::PrintToString(row.answer);
    const bool assumed = !seen.texts.empty() && seen.texts[0].ends_with("64 bytes are assumed");
    EXPECT_EQ(assumed, row.assumed) << testing::PrintToString(row.answer);
  }
}

TEST_F(IdentifyTest, PacketCounts) {
  const struct {
    Packet answer;
    size_t count;
    bool assumed;
  } rows[] = {{{0, 1, 1}, 1, false}, {{0, 1, 0xFF}, 255, false}, {{0, 2, 4, 0}, 4, false}, {{0, 1, 0}, 1, true},
              {{0, 0}, 1, true},     {kUnknown, 1, true},        {{0, 2, 0, 0}, 1, true}};
  for (const auto& row : rows) {
    answers[InfoId::kPacketCount] = row.answer;
    const auto identity = Ask();
    ASSERT_TRUE(identity.ok()) << identity.status();
    EXPECT_EQ(identity->packet_count, row.count) << testing::PrintToString(row.answer);
    EXPECT_EQ(seen.texts.size(), row.assumed ? 1u : 0u) << testing::PrintToString(row.answer);
  }
}

TEST_F(IdentifyTest, OptionsReplaceWhatTheDeviceSays) {
  auto identity = Ask({.packet_count = 2, .packet_size = 128});
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(identity->packet_count, 2u);
  EXPECT_EQ(identity->packet_size, 128u);
  identity = Ask({.packet_count = 0, .packet_size = 8});  // not usable
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(identity->packet_count, 4u);
  EXPECT_EQ(identity->packet_size, 512u);
  answers[InfoId::kPacketCount] = answers[InfoId::kPacketSize] = kUnknown;
  ASSERT_TRUE(Ask({.packet_count = 2, .packet_size = 128}).ok());
  EXPECT_THAT(seen.texts, IsEmpty());
}

TEST_F(IdentifyTest, Capabilities) {
  const struct {
    Packet answer;
    bool served, jtag, swo;
  } rows[] = {{{0, 1, 0x01}, true, false, false},      {{0, 2, 0x07, 0x01}, true, true, true},
              {{0, 3, 0x05, 0, 0}, true, false, true}, {{0, 0}, true, false, false},
              {kUnknown, true, false, false},          {{0, 1, 0x02}, false, false, false},
              {{0, 1, 0x00}, false, false, false}};
  for (const auto& row : rows) {
    answers[InfoId::kCapabilities] = row.answer;
    const auto identity = Ask();
    ASSERT_EQ(identity.ok(), row.served) << identity.status() << testing::PrintToString(row.answer);
    if (!row.served) continue;
    EXPECT_EQ(identity->info.features.jtag, row.jtag) << testing::PrintToString(row.answer);
    EXPECT_EQ(identity->info.features.swo, row.swo) << testing::PrintToString(row.answer);
  }
}

TEST_F(IdentifyTest, JtagIsNotOfferedIfPacketsAreTooShortForIt) {
  answers[InfoId::kPacketSize] = {0, 1, 48};
  const auto identity = Ask();
  ASSERT_TRUE(identity.ok());
  EXPECT_FALSE(identity->info.features.jtag);
  EXPECT_THAT(seen.texts, ElementsAre(HasSubstr("JTAG is not offered")));
}

TEST_F(IdentifyTest, TextsAreMadeFitForNames) {
  const std::pair<Packet, std::string> rows[] = {{Value("ABCD"), "ABCD"},
                                                 {Value(std::string("ABC\0\xFF\xFF", 6)), "ABC"},
                                                 {Packet{0, 9, 'A', 'B'}, "AB"},
                                                 {Text("M\xFCller"), "M\u00FCller"},
                                                 {Text("M\xC3\xBCller"), "M\u00FCller"},
                                                 {Text("S\xE4\x31"),
                                                  "S\u00E4"
                                                  "1"},
                                                 {Text("\x01\x02\x1B[31m"), "[31m"},
                                                 {Text("A=B: 7"), "A=B: 7"},
                                                 {Text("  blanks around "), "blanks around"},
                                                 {Text(std::string(60, '1')), std::string(60, '1')},
                                                 {Value("\xFF\xFF\xFF\xFF"), ""},  // memory that was never written
                                                 {Packet{0, 0}, ""},
                                                 {kUnknown, ""}};
  for (const auto& [answer, text] : rows) {
    for (const InfoId id : {InfoId::kVendor, InfoId::kProduct, InfoId::kFirmwareVersion, InfoId::kSerialNumber}) {
      answers[id] = answer;
    }
    const auto identity = Ask();
    ASSERT_TRUE(identity.ok()) << identity.status();
    EXPECT_EQ(identity->info.vendor_name, text);
    EXPECT_EQ(identity->info.product_name, text);
    EXPECT_EQ(identity->info.firmware_version, text);
    EXPECT_EQ(identity->info.unique_id, text.empty() ? "host:1" : text);
    EXPECT_EQ(Ask({}).ok(), !text.empty());
  }
}

TEST_F(IdentifyTest, ADeviceIsAskedForDapSwdSequenceWhateverItsVersionSays) {
  for (const std::string version : {"2.0.0", "7a0d7c4-modified", "0254", "v1.2", "", "v6-1e-113008-15035", "1.3"}) {
    answers[InfoId::kProtocolVersion] = Text(version);
    const std::pair<Packet, bool> rows[] = {
        {{0x1D, 0x00}, true}, {{0x1D, 0xFF}, true}, {{0x1D}, true},          // it knows the command
        {kUnknown, false},    {kSilence, false},    {{0x05, 0x00}, false}};  // it does not
    for (const auto& [answer, has] : rows) {
      swd_sequence = answer;
      const auto identity = Ask();
      ASSERT_TRUE(identity.ok()) << identity.status();
      EXPECT_EQ(identity->info.features.swd_sequence, has) << version << testing::PrintToString(answer);
      EXPECT_TRUE(WasAskedFor({0x1D, 0x00}));
    }
  }
}

TEST_F(IdentifyTest, FirmwareThatIsTooOldForDapSwdSequenceIsNotAskedForIt) {
  for (const std::string version : {"1.0", "1.0.0", "1.10", "1.1.0", "03.25.01B6", "03.25.0001"}) {
    answers[InfoId::kProtocolVersion] = Text(version);
    const auto identity = Ask();
    ASSERT_TRUE(identity.ok()) << identity.status();
    EXPECT_FALSE(identity->info.features.swd_sequence) << version;
    EXPECT_FALSE(WasAskedFor({0x1D, 0x00})) << version;
  }
}

TEST_F(IdentifyTest, AnswersThatAreMissingAreForgivenAFewTimes) {
  answers[InfoId::kVendor] = kSilence;
  answers[InfoId::kProduct] = {0x05, 0x00};  // the reply to another command
  const auto identity = Ask();
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->info.vendor_name, "");
  EXPECT_EQ(identity->info.product_name, "");
  EXPECT_EQ(identity->info.firmware_version, "x");
  EXPECT_THAT(seen.texts, ElementsAre(HasSubstr("does not answer every question")));
  answers[InfoId::kFirmwareVersion] = kSilence;
  EXPECT_TRUE(IsError(Ask().status(), ErrorKind::kProbeError));
}

TEST_F(IdentifyTest, ADeviceThatAnswersNoQuestionIsNoProbe) {
  answers.clear();
  for (int id = 0; id < 256; ++id) answers[static_cast<InfoId>(id)] = kUnknown;
  EXPECT_TRUE(IsError(Ask().status(), ErrorKind::kProbeError));
  answers[InfoId::kPacketSize] = kSilence;
  EXPECT_TRUE(IsError(Ask().status(), ErrorKind::kProbeError));
  EXPECT_EQ(record->requests.size(), 1u);
}

// Without a check, every answer would be taken for that to the next question.
TEST_F(IdentifyTest, ARemainingReplyOfAnEarlierUserIsNotTakenForAnAnswer) {
  for (const bool tells : {true, false}) {
    tells_unasked = tells;
    stale = {Text("S2")};
    EXPECT_FALSE(Ask().ok());
    stale = {Packet{0x05, 0x01, 0x01, 1, 2, 3, 4}};
    const auto identity = Ask();
    EXPECT_TRUE(!identity.ok() || identity->info.unique_id == "S1");
  }
}

// Whatever the device answers, the place is found again with questions that it has answered, each differently.
TEST_F(IdentifyTest, ThePlaceIsFoundAgainWithAnyDeviceThatWasIdentified) {
  std::vector<std::map<InfoId, Packet>> devices = {answers, answers, answers, {}};
  devices[1][InfoId::kPacketSize] = devices[1][InfoId::kPacketCount] = kUnknown;
  devices[2][InfoId::kPacketSize] = devices[2][InfoId::kSerialNumber] = Packet{0, 0};
  for (int id = 0; id < 256; ++id) devices[3][static_cast<InfoId>(id)] = Packet{0, 0};
  for (const auto& device : devices) {
    answers = device;
    ASSERT_TRUE(Ask().ok());
    swd_sequence = kSilence;
    EXPECT_TRUE(IsError(channel->Ask(SwdSequence{}).status(), ErrorKind::kProbeError));
    stale = {Packet{0x05, 0x00, 0x01}};  // a late reply to an earlier command
    EXPECT_TRUE(IsError(channel->Ask(SwdConfigure{}).status(), ErrorKind::kProbeError));
    EXPECT_TRUE(channel->Ask(SwdConfigure{}).status().ok());
    swd_sequence = {0x1D, 0x00};
  }
}

}  // namespace
}  // namespace probegate::cmsis_dap
