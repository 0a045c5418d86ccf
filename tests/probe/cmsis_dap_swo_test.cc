// What the driver asks of a device for SWO, and what it makes of answers that the simulated board never gives.
#include "probe/cmsis_dap/swo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "probe/cmsis_dap/driver.h"
#include "probe/error.h"
#include "tests/fakes/fake_transport.h"

namespace probegate::cmsis_dap {
namespace {

using Packet = FakeTransport::Packet;
using testing::ElementsAre;
using testing::HasSubstr;

// A device with SWO (or not), whose answers to some commands are the test's.
class Swo : public ::testing::Test {
 protected:
  using Answers = std::function<std::optional<Packet>(const Packet&)>;

  std::unique_ptr<Probe> Make(Answers answers = {}, uint8_t capabilities = 1 | kCapabilitySwoUart) {
    auto probe = OpenCmsisDap(std::make_unique<FakeTransport>(
                                  [answers, capabilities](const Packet& request) -> std::vector<Packet> {
                                    if (answers) {
                                      if (auto reply = answers(request)) return {*reply};
                                    }
                                    return {Answer(request, capabilities)};
                                  },
                                  record_),
                              {.reply_timeout = std::chrono::milliseconds(1), .fallback_id = "F"});
    EXPECT_TRUE(probe.ok()) << probe.status();
    record_->requests.clear();
    return *std::move(probe);
  }

  static Packet Answer(const Packet& request, uint8_t capabilities) {
    switch (static_cast<Command>(request[0])) {
      case Command::kInfo:
        switch (static_cast<InfoId>(request[1])) {
          case InfoId::kCapabilities:
            return {0, 1, capabilities};
          case InfoId::kPacketCount:
            return {0, 1, 4};
          case InfoId::kPacketSize:
            return {0, 2, 64, 0};
          default:
            return {0, 2, 'x', 0};
        }
      case Command::kSwoBaudrate:
        return {request[0], request[1], request[2], request[3], request[4]};
      case Command::kSwoData:
        return {request[0], 1, 0, 0};
      default:
        return {request[0], 0};
    }
  }

  // To one command an answer of the test's.
  static Answers To(Command command, Packet reply) {
    return [command, reply](const Packet& request) -> std::optional<Packet> {
      if (request[0] != static_cast<uint8_t>(command)) return std::nullopt;
      return reply;
    };
  }

  const std::shared_ptr<FakeTransport::Record> record_ = std::make_shared<FakeTransport::Record>();
};

TEST_F(Swo, IsSetUpFromAnyStateAndEnded) {
  const auto probe = Make();
  ASSERT_TRUE(probe->info().features.swo);
  ASSERT_TRUE(probe->SwoStart(1'000'000).ok());
  EXPECT_THAT(record_->requests, ElementsAre(Packet{0x18, 0}, Packet{0x17, 1}, Packet{0x18, 1},
                                             Packet{0x19, 0x40, 0x42, 0x0F, 0x00}, Packet{0x1A, 1}));
  record_->requests.clear();
  ASSERT_TRUE(probe->SwoRead().ok());
  ASSERT_TRUE(probe->SwoStop().ok());
  ASSERT_TRUE(probe->SwoStop().ok());
  EXPECT_THAT(record_->requests, ElementsAre(Packet{0x1C, 60, 0}, Packet{0x1A, 0}, Packet{0x18, 0}));
}

TEST_F(Swo, CloseEndsIt) {
  const auto probe = Make();
  ASSERT_TRUE(probe->SwoStart(1'000'000).ok());
  record_->requests.clear();
  probe->Close();
  EXPECT_THAT(record_->requests, ElementsAre(Packet{0x1A, 0}, Packet{0x18, 0}));
}

TEST_F(Swo, BytesAndWhatIsSaidOfThem) {
  Packet reply = {0x1C, 0xC1, 3, 0, 'a', 'b', 'c', 'd'};  // what is behind the count is none of it
  const auto probe = Make([&](const Packet& request) -> std::optional<Packet> {
    if (request[0] != 0x1C) return std::nullopt;
    return reply;
  });
  ASSERT_TRUE(probe->SwoStart(1'000'000).ok());
  auto data = probe->SwoRead();
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->bytes, ElementsAre('a', 'b', 'c'));
  EXPECT_TRUE(data->overrun && data->garbled && !data->more);
  reply = {0x1C, 0x01, 60, 0};
  reply.resize(64);
  data = probe->SwoRead();
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->bytes.size(), 60u);
  EXPECT_TRUE(!data->overrun && !data->garbled && data->more);
}

TEST_F(Swo, ARateThatIsNotNearIsRefused) {
  struct Row {
    uint32_t actual;
    bool good;
  };
  for (const Row& row : {Row{1'000'000, true},
                         {1'030'000, true},
                         {970'000, true},
                         {1'031'000, false},
                         {969'000, false},
                         {0, false},
                         {UINT32_MAX, false}}) {
    Packet reply = {0x19};
    for (int i = 0; i < 4; ++i) reply.push_back(static_cast<uint8_t>(row.actual >> (8 * i)));
    const auto probe = Make(To(Command::kSwoBaudrate, reply));
    const absl::Status status = probe->SwoStart(1'000'000);
    EXPECT_EQ(status.ok(), row.good) << row.actual;
    EXPECT_EQ(probe->SwoRead().ok(), row.good);
    if (row.good) continue;
    EXPECT_TRUE(IsError(status, ErrorKind::kProbeError));
    EXPECT_THAT(std::string(status.message()), HasSubstr("cannot capture SWO at 1000000 baud"));
    EXPECT_NE(record_->requests.back(), (Packet{0x1A, 1}));
  }
}

TEST_F(Swo, WhatIsRefusedIsNamed) {
  for (const auto& [command, name] : {std::pair{Command::kSwoTransport, "DAP_SWO_Transport"},
                                      {Command::kSwoMode, "DAP_SWO_Mode"},
                                      {Command::kSwoControl, "DAP_SWO_Control"}}) {
    const auto probe = Make(To(command, {static_cast<uint8_t>(command), 0xFF}));
    const absl::Status status = probe->SwoStart(1'000'000);
    EXPECT_TRUE(IsError(status, ErrorKind::kProbeError)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
  }
}

TEST_F(Swo, AnswersThatMakeNoSense) {
  for (const Packet& reply : {Packet{0x1C}, {0x1C, 1, 1}, {0x1C, 1, 1, 0}, {0x1C, 1, 61, 0}, {0x1C, 1, 0, 1}, {0xFF}}) {
    Packet padded = reply;
    if (reply.size() == 4 && reply[2] != 1) padded.resize(600);  // more than was asked for
    const auto probe = Make(To(Command::kSwoData, padded));
    ASSERT_TRUE(probe->SwoStart(1'000'000).ok());
    EXPECT_TRUE(IsError(probe->SwoRead().status(), ErrorKind::kProbeError));
    EXPECT_TRUE(probe->SwoStop().ok()) << "the probe is still of use";
  }
  const auto probe = Make(To(Command::kSwoBaudrate, {0x19, 0x40, 0x42, 0x0F}));
  EXPECT_TRUE(IsError(probe->SwoStart(1'000'000), ErrorKind::kProbeError));
}

TEST_F(Swo, WhereThereIsNoneNothingIsAsked) {
  for (const uint8_t capabilities : {uint8_t{1}, uint8_t{1 | 1 << 3}}) {  // Manchester alone is of no use
    const auto probe = Make({}, capabilities);
    EXPECT_FALSE(probe->info().features.swo);
    EXPECT_TRUE(IsError(probe->SwoStart(1'000'000), ErrorKind::kUnsupported));
    EXPECT_TRUE(probe->SwoStop().ok());
    EXPECT_THAT(record_->requests, ElementsAre());
  }
}

}  // namespace
}  // namespace probegate::cmsis_dap
