// What the driver sends to a device for SWO, and how it handles answers that the simulated board never sends.
#include "probe/cmsis_dap/swo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/error.h"
#include "tests/fakes/fake_transport.h"

namespace probegate::cmsis_dap {
namespace {

using Packet = FakeTransport::Packet;
using testing::ElementsAre;
using testing::HasSubstr;

// A device with or without SWO; the test decides its answers to some commands.
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
      case Command::kSwoStatus:
        return {request[0], 1, 0, 0, 0, 0};
      case Command::kSwoData:
        return {request[0], 1, 0, 0};
      default:
        return {request[0], 0};
    }
  }

  // A device that also has an endpoint for SWO.
  std::unique_ptr<Probe> MakeStreaming(Answers answers = {}) {
    record_->has_trace = true;
    return Make(std::move(answers), 1 | kCapabilitySwoUart | kCapabilitySwoStream);
  }

  // Answers `command` with `reply`.
  static Answers To(Command command, Packet reply) {
    return [command, reply](const Packet& request) -> std::optional<Packet> {
      if (request[0] != static_cast<uint8_t>(command)) return std::nullopt;
      return reply;
    };
  }

  const std::shared_ptr<FakeTransport::Record> record_ = std::make_shared<FakeTransport::Record>();
};

TEST_F(Swo, StartsFromAnyStateAndStops) {
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

// Without DAP_SWO_Status only the loss of bytes goes unnoticed.
TEST_F(Swo, ADeviceThatDoesNotKnowTheStatusStreams) {
  const auto probe = MakeStreaming(To(Command::kSwoStatus, {0xFF}));
  ASSERT_TRUE(probe->SwoStart(1'000'000).ok());
  record_->trace = {'a', 'b'};
  const auto data = probe->SwoRead();
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->bytes, (Packet{'a', 'b'}));
  EXPECT_FALSE(data->overrun);
}

TEST_F(Swo, CloseEndsTheCapture) {
  const auto probe = Make();
  ASSERT_TRUE(probe->SwoStart(1'000'000).ok());
  record_->requests.clear();
  probe->Close();
  EXPECT_THAT(record_->requests, ElementsAre(Packet{0x1A, 0}, Packet{0x18, 0}));
}

TEST_F(Swo, ReadReturnsBytesAndFlags) {
  Packet reply = {0x1C, 0xC1, 3, 0, 'a', 'b', 'c', 'd'};  // only `count` bytes belong to the reply
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

TEST_F(Swo, ARateThatIsTooFarOffIsRefused) {
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

TEST_F(Swo, ARefusalNamesTheCommand) {
  for (const auto& [command, name] : {std::pair{Command::kSwoTransport, "DAP_SWO_Transport"},
                                      {Command::kSwoMode, "DAP_SWO_Mode"},
                                      {Command::kSwoControl, "DAP_SWO_Control"}}) {
    const auto probe = Make(To(command, {static_cast<uint8_t>(command), 0xFF}));
    const absl::Status status = probe->SwoStart(1'000'000);
    EXPECT_TRUE(IsError(status, ErrorKind::kProbeError)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
  }
}

TEST_F(Swo, InvalidAnswersAreErrors) {
  for (const Packet& reply : {Packet{0x1C}, {0x1C, 1, 1}, {0x1C, 1, 1, 0}, {0x1C, 1, 61, 0}, {0x1C, 1, 0, 1}, {0xFF}}) {
    Packet padded = reply;
    if (reply.size() == 4 && reply[2] != 1) padded.resize(600);  // more than was requested
    const auto probe = Make(To(Command::kSwoData, padded));
    ASSERT_TRUE(probe->SwoStart(1'000'000).ok());
    EXPECT_TRUE(IsError(probe->SwoRead().status(), ErrorKind::kProbeError));
    EXPECT_TRUE(probe->SwoStop().ok()) << "the probe can still be used";
  }
  {
    const auto probe = MakeStreaming(To(Command::kSwoStatus, {0x1B, 1, 0, 0, 0}));
    ASSERT_TRUE(probe->SwoStart(1'000'000).ok());
    EXPECT_TRUE(IsError(probe->SwoRead().status(), ErrorKind::kProbeError));
    EXPECT_TRUE(probe->SwoStop().ok());
  }
  const auto probe = Make(To(Command::kSwoBaudrate, {0x19, 0x40, 0x42, 0x0F}));
  EXPECT_TRUE(IsError(probe->SwoStart(1'000'000), ErrorKind::kProbeError));
}

TEST_F(Swo, UsesTheEndpointIfThereIsOne) {
  uint8_t status = 0x01;
  const auto probe = MakeStreaming([&status](const Packet& request) -> std::optional<Packet> {
    if (request[0] != 0x1B) return std::nullopt;
    return Packet{0x1B, std::exchange(status, uint8_t{0x01}), 9, 0, 0, 0};
  });
  record_->trace = {'o', 'l', 'd'};
  ASSERT_TRUE(probe->SwoStart(1'000'000).ok());
  EXPECT_THAT(record_->requests, ElementsAre(Packet{0x18, 0}, Packet{0x17, 2}, Packet{0x18, 1},
                                             Packet{0x19, 0x40, 0x42, 0x0F, 0x00}, Packet{0x1A, 1}));
  EXPECT_EQ(record_->trace_starts, 1);
  record_->requests.clear();
  record_->trace = {'a', 'b', 'c'};
  auto data = probe->SwoRead();
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->bytes, ElementsAre('a', 'b', 'c'));
  EXPECT_TRUE(!data->overrun && !data->garbled && !data->more);
  status = 0xC1;
  record_->trace.assign(20'000, 'x');
  data = probe->SwoRead();
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_TRUE(data->overrun && data->garbled && data->more);
  EXPECT_LT(data->bytes.size(), 20'000u);
  EXPECT_EQ(data->bytes.size() + probe->SwoRead()->bytes.size(), 20'000u);
  EXPECT_TRUE(probe->SwoRead()->bytes.empty());
  ASSERT_TRUE(probe->SwoStop().ok());
  EXPECT_FALSE(record_->trace_reads);
  EXPECT_THAT(record_->requests,
              ElementsAre(Packet{0x1B}, Packet{0x1B}, Packet{0x1B}, Packet{0x1B}, Packet{0x1A, 0}, Packet{0x18, 0}));
}

TEST_F(Swo, UsesPacketsIfTheEndpointOrTheCapabilityIsMissing) {
  const auto uses_packets = [this](Probe& probe) {
    record_->requests.clear();
    EXPECT_TRUE(probe.SwoStart(1'000'000).ok());
    EXPECT_TRUE(probe.SwoRead().ok());
    EXPECT_THAT(record_->requests, testing::Contains(Packet{0x17, 1}));
    EXPECT_THAT(record_->requests, testing::Contains(Packet{0x1C, 60, 0}));
    EXPECT_EQ(record_->trace_starts, 0);
  };
  uses_packets(*Make({}, 1 | kCapabilitySwoUart | kCapabilitySwoStream));
  record_->has_trace = true;
  uses_packets(*Make());
  // The device reports that it can stream, and then refuses to.
  for (const Packet& refusal : {Packet{0x17, 0xFF}, Packet{0xFF}}) {
    uses_packets(*MakeStreaming([&refusal](const Packet& request) -> std::optional<Packet> {
      if (request != Packet{0x17, 2}) return std::nullopt;
      return refusal;
    }));
  }
}

TEST_F(Swo, AnEndpointErrorIsReportedAndReadingContinues) {
  const auto probe = MakeStreaming();
  ASSERT_TRUE(probe->SwoStart(1'000'000).ok());
  record_->trace_error = MakeError(ErrorKind::kProbeError, "it refuses (STALL)");
  EXPECT_TRUE(IsError(probe->SwoRead().status(), ErrorKind::kProbeError));
  record_->trace = {'a'};
  EXPECT_THAT(probe->SwoRead()->bytes, ElementsAre('a'));
  record_->trace_error = MakeError(ErrorKind::kProbeDisconnected, "it was unplugged");
  EXPECT_TRUE(IsError(probe->SwoRead().status(), ErrorKind::kProbeDisconnected));
  EXPECT_TRUE(IsError(probe->CheckPresent(), ErrorKind::kProbeDisconnected));
}

TEST_F(Swo, ContinuesAfterAResetAndReportsLostBytes) {
  record_->resetting_attempt = 2;
  int hangs = 0;
  bool refuses = false;
  const auto probe = MakeStreaming([&](const Packet& request) -> std::optional<Packet> {
    if (record_->resets < hangs) return Packet{0x42};  // nonsense
    if (refuses && request[0] == 0x19) return Packet{0x19, 0, 0, 0, 0};
    return std::nullopt;
  });
  ASSERT_TRUE(probe->SwoStart(1'000'000).ok());
  hangs = 1;
  EXPECT_TRUE(IsError(probe->SwoRead().status(), ErrorKind::kProbeError));
  record_->requests.clear();
  auto data = probe->SwoRead();
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_TRUE(data->overrun);
  EXPECT_THAT(record_->requests, testing::Contains(Packet{0x1A, 1}));
  EXPECT_EQ(record_->trace_starts, 2);
  EXPECT_FALSE(probe->SwoRead()->overrun);
  // A device that can no longer capture SWO still works otherwise.
  hangs = 2;
  refuses = true;
  EXPECT_TRUE(IsError(probe->SwoRead().status(), ErrorKind::kProbeError));
  EXPECT_TRUE(probe->SetClock(1'000'000).ok());
  EXPECT_TRUE(IsError(probe->SwoRead().status(), ErrorKind::kProbeError));
  EXPECT_TRUE(probe->SwoStop().ok());
}

TEST_F(Swo, ADeviceWithoutSwoIsNotAsked) {
  for (const uint8_t capabilities : {uint8_t{1}, uint8_t{1 | 1 << 3}}) {  // Manchester alone is not supported
    const auto probe = Make({}, capabilities);
    EXPECT_FALSE(probe->info().features.swo);
    EXPECT_TRUE(IsError(probe->SwoStart(1'000'000), ErrorKind::kUnsupported));
    EXPECT_TRUE(probe->SwoStop().ok());
    EXPECT_THAT(record_->requests, ElementsAre());
  }
}

}  // namespace
}  // namespace probegate::cmsis_dap
