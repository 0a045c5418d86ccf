// What the driver sends, and how it handles replies that the simulated board never sends.
#include "probe/cmsis_dap/driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "probe/adi/registers.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/error.h"
#include "tests/fakes/fake_transport.h"

namespace probegate::cmsis_dap {
namespace {

using Packet = FakeTransport::Packet;
using std::chrono::milliseconds;

struct Counts : ProbeObserver {
  void OnPacket(size_t count, size_t, size_t) override { ++packets, transfers += count; }
  void OnWait() override { ++waits; }
  void OnFault() override { ++faults; }
  void OnNoAck() override { ++no_acks; }
  void OnRetry() override { ++retries; }
  void OnAssumption(std::string_view what) override { assumptions.emplace_back(what); }
  void OnDisconnect(DisconnectCause cause) override { disconnects.push_back(cause); }
  size_t packets = 0, transfers = 0, waits = 0, faults = 0, no_acks = 0, retries = 0;
  std::vector<std::string> assumptions;
  std::vector<DisconnectCause> disconnects;
};

Packet Text(const std::string& text) {
  Packet reply(2 + text.size() + 1);
  reply[1] = static_cast<uint8_t>(text.size() + 1);
  std::copy(text.begin(), text.end(), reply.begin() + 2);
  return reply;
}

// A device that carries out every command, and reads zeros.
struct Device {
  std::string serial = "S1";
  std::string protocol = "2.1.1";
  uint8_t capabilities = 1;
  bool own_reset = true;

  std::vector<Packet> operator()(const Packet& request) const {
    switch (static_cast<Command>(request[0])) {
      case Command::kInfo:
        return {Info(static_cast<InfoId>(request[1]))};
      case Command::kConnect:
        return {{request[0], 1}};
      case Command::kTransferAbort:
        return {};
      case Command::kTransfer:
        return {Transfer(request)};
      case Command::kTransferBlock: {
        const size_t words = request[2] + 256u * request[3];
        Packet reply = {request[0], request[2], request[3], kOk};
        reply.resize(4 + ((request[4] & 2) != 0 ? 4 * words : 0));
        return {reply};
      }
      case Command::kResetTarget:
        return {{request[0], 0, static_cast<uint8_t>(own_reset)}};
      case Command::kSwjPins:
        return {{request[0], 0xFF}};
      default:
        return {{request[0], 0}};
    }
  }

  Packet Info(InfoId id) const {
    switch (id) {
      case InfoId::kSerialNumber:
        return serial.empty() ? Packet{0x00, 0x00} : Text(serial);
      case InfoId::kProtocolVersion:
        return Text(protocol);
      case InfoId::kCapabilities:
        return {0x00, 0x01, capabilities};
      case InfoId::kPacketCount:
        return {0x00, 0x01, 4};
      case InfoId::kPacketSize:
        return {0x00, 0x02, 0x00, 0x02};
      default:
        return Text("x");
    }
  }

  static Packet Transfer(const Packet& request) {
    size_t reads = 0;
    for (size_t i = 0, at = 3; i < request[2]; ++i) {
      const bool read = (request[at] & 2) != 0;
      reads += read ? 1 : 0;
      at += read ? 1 : 5;
    }
    Packet reply = {request[0], request[2], kOk};
    reply.resize(3 + 4 * reads);
    return reply;
  }

  static constexpr uint8_t kOk = 1;
};

class Driver : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Probe>> Make(FakeTransport::Device device, const std::string& fallback_id = "") {
    auto probe = OpenCmsisDap(std::make_unique<FakeTransport>(std::move(device), record_),
                              {.reply_timeout = milliseconds(1), .fallback_id = fallback_id});
    if (probe.ok()) (*probe)->SetObserver(&counts_);
    return probe;
  }
  // A connected probe on a device that `override_reply` may answer for; it returns nothing to leave it to Device.
  std::unique_ptr<Probe> Connected(
      std::function<std::optional<std::vector<Packet>>(const Packet&)> override_reply = {}) {
    auto probe = Make([override_reply](const Packet& request) {
      if (override_reply) {
        if (auto replies = override_reply(request)) return *replies;
      }
      return Device()(request);
    });
    EXPECT_TRUE(probe.ok()) << probe.status();
    EXPECT_TRUE((*probe)->Connect(WireProtocol::kSwd).ok());
    record_->requests.clear();
    return *std::move(probe);
  }

  static TransferResult ReadRdbuff(Probe& probe) {
    uint32_t word = 0;
    const TransferOp op{.port = Port::kDp, .address = adi::kDpRdbuff, .read = absl::MakeSpan(&word, 1)};
    return probe.Transfer(absl::MakeConstSpan(&op, 1));
  }

  Counts counts_;
  const std::shared_ptr<FakeTransport::Record> record_ = std::make_shared<FakeTransport::Record>();
};

// Whatever packet size the device reports, the transport's limit applies, too.
TEST_F(Driver, RefusesATransportWhosePacketsAreTooShort) {
  struct Short : FakeTransport {
    using FakeTransport::FakeTransport;
    size_t max_packet_size() const override { return 8; }
  };
  const auto probe = OpenCmsisDap(std::make_unique<Short>(Device(), record_), {.reply_timeout = milliseconds(1)});
  EXPECT_TRUE(IsError(probe.status(), ErrorKind::kProbeError)) << probe.status();
  EXPECT_TRUE(record_->requests.empty());
}

TEST_F(Driver, TellsWhatTheDeviceSaysAboutItsBoard) {
  const auto with = [](InfoId id, std::vector<Packet> replies) {
    return [id, replies](const Packet& request) {
      return request[0] == 0 && request[1] == static_cast<uint8_t>(id) ? replies : Device()(request);
    };
  };
  using Labels = std::map<std::string, std::string>;
  const Labels all = {{"target-vendor", "x"}, {"target", "x"}, {"board-vendor", "x"}, {"board", "x"}};
  EXPECT_EQ((*Make(Device{}))->info().labels, all);
  // It does not say, refuses the question, sends nonsense, or does not answer.
  Labels without_target = all;
  without_target.erase("target");
  EXPECT_EQ((*Make(with(InfoId::kTargetName, {Packet{0x00, 0x00}})))->info().labels, without_target);
  Labels cut_off = all;
  cut_off["target"] = "a";
  const std::vector<std::pair<std::vector<Packet>, Labels>> improper = {
      {{Packet{0xFF}}, without_target}, {{Packet{0x00, 0x30, 'a'}}, cut_off}, {{}, {{"target-vendor", "x"}}}};
  for (const auto& [replies, labels] : improper) {
    const auto probe = Make(with(InfoId::kTargetName, replies));
    ASSERT_TRUE(probe.ok()) << probe.status();
    EXPECT_EQ((*probe)->info().labels, labels);
    EXPECT_TRUE((*probe)->Connect(WireProtocol::kSwd).ok());
  }
}

TEST_F(Driver, FollowsTheSettingsThatAreFoundOnceItIsKnown) {
  std::string asked;
  const auto settings = [&asked](const ProbeInfo& info) {
    asked = info.unique_id + " " + info.product_name;
    return ChosenSettings{.settings = {.clock = 250'000, .serial = "OTHER"},
                          .applied = {{"serial", "OTHER", "configuration"}}};
  };
  auto probe = OpenCmsisDap(std::make_unique<FakeTransport>(Device(), record_),
                            {.reply_timeout = milliseconds(1), .settings = settings});
  ASSERT_TRUE(probe.ok()) << probe.status();
  EXPECT_EQ(asked, "S1 x");
  EXPECT_EQ((*probe)->info().unique_id, "OTHER");
  std::vector<std::string> applied;
  for (const AppliedSetting& one : (*probe)->info().settings) {
    applied.push_back(one.setting + "=" + one.value + " " + one.from);
  }
  EXPECT_EQ(applied, (std::vector<std::string>{"serial=OTHER configuration", "packet-count=4 the probe",
                                               "packet-size=512 the probe"}));
  record_->requests.clear();
  EXPECT_TRUE((*probe)->Connect(WireProtocol::kSwd).ok());
  const Packet clock = {0x11, 0x90, 0xD0, 0x03, 0x00};  // 250 kHz, from the start
  EXPECT_NE(std::find(record_->requests.begin(), record_->requests.end(), clock), record_->requests.end());
}

TEST_F(Driver, NeedsASerialNumberOrAFallback) {
  EXPECT_TRUE(IsError(Make(Device{.serial = ""}).status(), ErrorKind::kProbeError));
  EXPECT_EQ((*Make(Device{.serial = ""}, "host:1"))->info().unique_id, "host:1");
  EXPECT_EQ((*Make(Device{}, "host:1"))->info().unique_id, "S1");
}

TEST_F(Driver, OffersRawSwdOnlyIfTheDeviceHasIt) {
  EXPECT_TRUE((*Make(Device{}))->info().features.swd_sequence);
  auto old = Make(Device{.protocol = "1.1.0"});
  EXPECT_FALSE((*old)->info().features.swd_sequence);
  EXPECT_TRUE(IsError((*old)->SwdSequence({}).status(), ErrorKind::kUnsupported));
}

TEST_F(Driver, NeedsSwd) { EXPECT_TRUE(IsError(Make(Device{.capabilities = 2}).status(), ErrorKind::kProbeError)); }

TEST_F(Driver, ADeviceThatDoesNotAnswerIsNotAProbe) {
  EXPECT_FALSE(Make([](const Packet&) { return std::vector<Packet>(); }).ok());
}

TEST_F(Driver, OneTransferIsOnePacket) {
  auto probe = Connected();
  counts_ = {};
  ASSERT_TRUE(ReadRdbuff(*probe).status.ok());
  EXPECT_EQ(record_->requests, (std::vector<Packet>{{0x05, 0x00, 0x01, 0x0E}}));
  EXPECT_EQ(counts_.packets, 1u);
  EXPECT_EQ(counts_.transfers, 1u);
}

TEST_F(Driver, OnlyPacketsOfOneBlockAreInFlightTogether) {
  auto probe = Connected();
  const std::array<uint32_t, 1> tar = {0x20000000};
  std::vector<uint32_t> words(2000);
  std::vector<TransferOp> ops;
  for (int i = 0; i < 300; ++i) ops.push_back({.port = Port::kAp, .address = adi::kApTar, .write = tar});
  ASSERT_TRUE(probe->Transfer(ops).status.ok());
  EXPECT_GT(record_->requests.size(), 2u);
  EXPECT_EQ(record_->most_outstanding, 1u);
  const TransferOp block{.port = Port::kAp, .address = adi::kApDrw, .read = absl::MakeSpan(words)};
  ASSERT_TRUE(probe->Transfer(absl::MakeConstSpan(&block, 1)).status.ok());
  EXPECT_EQ(record_->most_outstanding, 4u);
}

// A read of a block of two packets more than the device says it holds.
class Blocks : public Driver {
 protected:
  TransferResult ReadBlock(Probe& probe, size_t count = 6 * kPieceWords) {
    words_.assign(count, 0);
    const TransferOp block{.port = Port::kAp, .address = adi::kApDrw, .read = absl::MakeSpan(words_)};
    return probe.Transfer(absl::MakeConstSpan(&block, 1));
  }
  static constexpr size_t kPieceWords = 127;  // in packets of 512 bytes
  std::vector<uint32_t> words_;
};

TEST_F(Blocks, ADeviceThatLosesPacketsOfABlockGetsOneAtATimeFromThenOn) {
  const auto probe = Connected();
  record_->holds = 1;
  const TransferResult lost = ReadBlock(*probe);
  EXPECT_TRUE(IsError(lost.status, ErrorKind::kProbeError)) << lost.status;
  EXPECT_THAT(std::string(lost.status.message()), testing::HasSubstr("one at a time"));
  EXPECT_EQ(lost.completed, 0u);  // a reply may have been that to a later packet
  EXPECT_EQ(lost.uncertain, words_.size());
  EXPECT_EQ(counts_.retries, 1u);
  for (int i = 0; i < 2; ++i) {
    record_->most_outstanding = 0;
    const TransferResult again = ReadBlock(*probe);
    EXPECT_TRUE(again.status.ok()) << again.status;
    EXPECT_EQ(again.completed, words_.size());
    EXPECT_EQ(record_->most_outstanding, 1u);
  }
  ASSERT_EQ(counts_.assumptions.size(), 1u);
  EXPECT_THAT(counts_.assumptions[0], testing::HasSubstr("says that it holds 4 packets"));
}

// The reply to the short last packet is taken for that to a longer one before it.
TEST_F(Blocks, AReplyThatDoesNotFitCountsAsALostPacketToo) {
  bool lose = true;
  const auto probe = Connected([&lose](const Packet& request) -> std::optional<std::vector<Packet>> {
    if (request[0] != 0x06 || request[2] != kPieceWords || !std::exchange(lose, false)) return std::nullopt;
    return std::vector<Packet>();
  });
  EXPECT_TRUE(IsError(ReadBlock(*probe, kPieceWords + 1).status, ErrorKind::kProbeError));
  record_->most_outstanding = 0;
  EXPECT_TRUE(ReadBlock(*probe).status.ok());
  EXPECT_EQ(record_->most_outstanding, 1u);
}

TEST_F(Blocks, ALostReplyWithOnePacketOnItsWayChangesNothing) {
  bool lose = false;
  const auto probe = Connected([&lose](const Packet& request) -> std::optional<std::vector<Packet>> {
    if (request[0] == 0x00 || !std::exchange(lose, false)) return std::nullopt;
    return std::vector<Packet>();
  });
  lose = true;
  EXPECT_TRUE(IsError(ReadRdbuff(*probe).status, ErrorKind::kProbeError));
  ASSERT_TRUE(ReadBlock(*probe).status.ok());
  EXPECT_EQ(record_->most_outstanding, 4u);
  EXPECT_TRUE(counts_.assumptions.empty());
}

// Each reply is taken for that to the packet before, so the data is wrong although every packet has been answered.
TEST_F(Blocks, AReplyThatComesTwiceInABlockIsNoticedAtItsEnd) {
  bool twice = true;
  const auto probe = Connected([&twice](const Packet& request) -> std::optional<std::vector<Packet>> {
    if (request[0] != 0x06) return std::nullopt;
    Packet reply = Device()(request)[0];
    reply.back() = twice ? 1 : 2;
    return std::exchange(twice, false) ? std::vector<Packet>{reply, reply} : std::vector<Packet>{reply};
  });
  const TransferResult result = ReadBlock(*probe);
  EXPECT_TRUE(IsError(result.status, ErrorKind::kProbeError)) << result.status;
  EXPECT_EQ(result.completed, 0u);
  EXPECT_EQ(result.uncertain, words_.size());
  EXPECT_TRUE(ReadBlock(*probe).status.ok());
}

TEST_F(Driver, WaitsAreAbortedAndReported) {
  bool waits = true;
  auto probe = Connected([&](const Packet& request) -> std::optional<std::vector<Packet>> {
    if (request[0] != 0x05 || !waits) return std::nullopt;
    return {{{0x05, 0x00, 0x02}}};
  });
  EXPECT_TRUE(IsError(ReadRdbuff(*probe).status, ErrorKind::kTransferTimeout));
  EXPECT_EQ(record_->requests.back(), (Packet{0x08, 0x00, 0x01, 0x00, 0x00, 0x00}));
  EXPECT_EQ(counts_.waits, 1u);
  waits = false;
  EXPECT_TRUE(ReadRdbuff(*probe).status.ok());
}

TEST_F(Driver, AcksBecomeErrors) {
  uint8_t ack = 0;
  auto probe = Connected([&](const Packet& request) -> std::optional<std::vector<Packet>> {
    if (request[0] != 0x05) return std::nullopt;
    return {{{0x05, 0x00, ack}}};
  });
  const std::pair<uint8_t, ErrorKind> rows[] = {{0, ErrorKind::kProbeError},    {4, ErrorKind::kTransferFault},
                                                {7, ErrorKind::kTransferError}, {8, ErrorKind::kTransferError},
                                                {9, ErrorKind::kTransferError}, {3, ErrorKind::kTransferError}};
  for (const auto& [value, kind] : rows) {
    ack = value;
    EXPECT_TRUE(IsError(ReadRdbuff(*probe).status, kind)) << int{value};
  }
  EXPECT_EQ(counts_.faults, 1u);
  EXPECT_EQ(counts_.no_acks, 1u);
}

TEST_F(Driver, FindsItsPlaceAfterALostReply) {
  bool lose = true;
  auto probe = Connected([&](const Packet& request) -> std::optional<std::vector<Packet>> {
    if (request[0] != 0x05 || !std::exchange(lose, false)) return std::nullopt;
    return std::vector<Packet>();
  });
  const auto lost = ReadRdbuff(*probe);
  EXPECT_TRUE(IsError(lost.status, ErrorKind::kProbeError));
  EXPECT_EQ(lost.uncertain, 1u);
  EXPECT_EQ(record_->requests.size(), 2u);
  EXPECT_EQ(record_->requests[1][0], 0x00);
  EXPECT_EQ(counts_.retries, 1u);
  EXPECT_TRUE(ReadRdbuff(*probe).status.ok());
}

// A device that has room for one packet would lose the question if the abort went first.
TEST_F(Driver, ATransferInProgressIsAbortedIfTheDeviceDoesNotAnswerOtherwise) {
  bool busy = false;
  auto probe = Connected([&](const Packet& request) -> std::optional<std::vector<Packet>> {
    if (request[0] == 0x05) busy = true;
    if (!busy) return std::nullopt;
    if (request[0] != 0x07) return std::vector<Packet>();
    busy = false;
    return {{Device().Info(InfoId::kPacketSize)}};  // the question waited behind the transfer
  });
  EXPECT_TRUE(IsError(ReadRdbuff(*probe).status, ErrorKind::kProbeError));
  EXPECT_EQ(record_->requests.size(), 3u);
  EXPECT_EQ(record_->requests.back(), Packet{0x07});
  EXPECT_EQ(counts_.retries, 1u);
}

TEST_F(Driver, LateRepliesAreNotMistakenForOthers) {
  bool lose = false;
  auto probe = Connected([&](const Packet& request) -> std::optional<std::vector<Packet>> {
    if (request[0] == 0x05 && lose) return std::vector<Packet>();
    if (request[0] != 0x00 || !std::exchange(lose, false)) return std::nullopt;
    return {{{0x05, 0x01, 0x01, 1, 1, 1, 1}, Device().Info(static_cast<InfoId>(request[1]))}};
  });
  lose = true;
  EXPECT_TRUE(IsError(ReadRdbuff(*probe).status, ErrorKind::kProbeError));
  EXPECT_FALSE(lose);
  EXPECT_TRUE(ReadRdbuff(*probe).status.ok());
}

// A device that the test can make hang until it is reset.
class ResetDriver : public Driver {
 protected:
  ResetDriver() { record_->resetting_attempt = 2; }

  std::unique_ptr<Probe> Hanging() {
    return Connected([this](const Packet& request) -> std::optional<std::vector<Packet>> {
      if (record_->resets < hangs_) return std::vector<Packet>();
      if (request[0] == refused_) return {{{request[0], 0xFF}}};
      return std::nullopt;
    });
  }
  // The commands since the last call of this function.
  std::vector<uint8_t> Commands() {
    std::vector<uint8_t> commands;
    for (const Packet& request : std::exchange(record_->requests, {})) commands.push_back(request[0]);
    return commands;
  }

  int hangs_ = 0;  // the number of resets that it takes to recover
  uint8_t refused_ = 0xFF;
};

TEST_F(ResetDriver, RestoresTheSettingsAfterAReset) {
  const auto probe = Hanging();
  ASSERT_TRUE(probe->SetClock(4'000'000).ok());
  ASSERT_TRUE(probe->AssertReset(true).ok());
  const std::vector<Packet> told = record_->requests;
  hangs_ = 1;
  EXPECT_TRUE(IsError(ReadRdbuff(*probe).status, ErrorKind::kProbeError));
  EXPECT_EQ(record_->resets, 1);
  Commands();
  EXPECT_TRUE(ReadRdbuff(*probe).status.ok());
  EXPECT_EQ(record_->requests[0], (Packet{0x02, 1}));
  for (const uint8_t command : {0x11, 0x04, 0x10}) {  // with their last values
    const auto is = [command](const Packet& request) { return request[0] == command; };
    const auto last = std::find_if(told.rbegin(), told.rend(), is);
    const auto anew = std::find_if(record_->requests.begin(), record_->requests.end(), is);
    ASSERT_TRUE(last != told.rend() && anew != record_->requests.end()) << unsigned{command};
    EXPECT_EQ(*last, *anew);
  }
  EXPECT_EQ(Commands(), (std::vector<uint8_t>{0x02, 0x10, 0x13, 0x11, 0x04, 0x01, 0x05}));
  EXPECT_TRUE(ReadRdbuff(*probe).status.ok());
  EXPECT_EQ(Commands(), std::vector<uint8_t>{0x05});
}

TEST_F(ResetDriver, RestoresNothingIfNotConnected) {
  const auto probe = Hanging();
  ASSERT_TRUE(probe->Disconnect().ok());
  hangs_ = 1;
  EXPECT_TRUE(IsError(probe->SetClock(2'000'000).status(), ErrorKind::kProbeError));
  Commands();
  EXPECT_TRUE(probe->SetClock(2'000'000).ok());
  EXPECT_EQ(Commands(), (std::vector<uint8_t>{0x11, 0x04}));
}

TEST_F(ResetDriver, FailingToRestoreTheSettingsIsAnErrorUntilItSucceeds) {
  const auto probe = Hanging();
  hangs_ = 1;
  EXPECT_TRUE(IsError(ReadRdbuff(*probe).status, ErrorKind::kProbeError));
  refused_ = 0x02;
  for (int i = 0; i < 2; ++i) {
    Commands();
    const TransferResult result = ReadRdbuff(*probe);
    EXPECT_TRUE(IsError(result.status, ErrorKind::kProbeError));
    EXPECT_EQ(result.completed + result.uncertain, 0u);
    EXPECT_EQ(Commands(), (std::vector<uint8_t>{0x02}));
  }
  refused_ = 0xFF;
  EXPECT_TRUE(ReadRdbuff(*probe).status.ok());
}

TEST_F(ResetDriver, RestoresNothingIfOnlyTheLinkWasRestored) {
  record_->resetting_attempt = 0;
  const auto probe = Hanging();
  hangs_ = 1;
  EXPECT_TRUE(IsError(ReadRdbuff(*probe).status, ErrorKind::kProbeDisconnected));
  Commands();
  bool lose = false;
  const auto other = Connected([&lose](const Packet&) -> std::optional<std::vector<Packet>> {
    if (!std::exchange(lose, false)) return std::nullopt;
    return std::vector<Packet>();
  });
  lose = true;
  EXPECT_TRUE(IsError(ReadRdbuff(*other).status, ErrorKind::kProbeError));
  Commands();
  EXPECT_TRUE(ReadRdbuff(*other).status.ok());
  EXPECT_EQ(Commands(), std::vector<uint8_t>{0x05});
}

TEST_F(Driver, ADeviceThatStopsAnsweringIsGone) {
  bool dead = false;
  auto probe = Connected([&](const Packet&) -> std::optional<std::vector<Packet>> {
    if (!dead) return std::nullopt;
    return std::vector<Packet>();
  });
  dead = true;
  EXPECT_TRUE(IsError(ReadRdbuff(*probe).status, ErrorKind::kProbeDisconnected));
  dead = false;
  EXPECT_TRUE(IsError(ReadRdbuff(*probe).status, ErrorKind::kProbeDisconnected));
  EXPECT_TRUE(IsError(probe->CheckPresent(), ErrorKind::kProbeDisconnected));
  EXPECT_EQ(counts_.disconnects, std::vector<DisconnectCause>{DisconnectCause::kNotAnswering});
}

TEST_F(Driver, ALostLinkIsReportedOnceWithTheTransportsCause) {
  for (const DisconnectCause cause : {DisconnectCause::kLinkClosed, DisconnectCause::kLinkError,
                                      DisconnectCause::kNotAnswering, DisconnectCause::kGarbled}) {
    counts_ = {};
    record_->gone = false;
    auto probe = Connected();
    record_->gone = true;
    record_->cause = cause;
    EXPECT_FALSE(probe->CheckPresent().ok());
    EXPECT_FALSE(ReadRdbuff(*probe).status.ok());
    EXPECT_EQ(counts_.disconnects, std::vector<DisconnectCause>{cause});
  }
}

TEST_F(Driver, IdentifyingTheProbeIsNotCounted) {
  auto probe = Make(Device{});
  ASSERT_TRUE(probe.ok());
  EXPECT_EQ(counts_.packets, 0u);
  ASSERT_TRUE((*probe)->SetClock(1'000'000).ok());
  EXPECT_EQ(counts_.packets, 2u);
  EXPECT_EQ(counts_.transfers, 0u);
}

TEST_F(Driver, UsesTheDevicesOwnResetOrPulsesNreset) {
  auto probe = Connected();
  ASSERT_TRUE(probe->Reset().ok());
  EXPECT_EQ(record_->requests.size(), 1u);
  auto other = Make(Device{.own_reset = false});
  ASSERT_TRUE((*other)->Connect(WireProtocol::kSwd).ok());
  record_->requests.clear();
  ASSERT_TRUE((*other)->Reset().ok());
  ASSERT_EQ(record_->requests.size(), 4u);
  EXPECT_EQ(record_->requests[1][0], 0x10);
  EXPECT_EQ(record_->requests[2][0], 0x09);
  EXPECT_EQ(record_->requests[3][1], 0x80);
}

TEST_F(Driver, RefusalsAreErrors) {
  auto probe = Connected([](const Packet& request) -> std::optional<std::vector<Packet>> {
    if (request[0] == 0x12) return {{{0x12, 0xFF}}};
    if (request[0] == 0x1D) return {{{0x1D, 0xFF}}};
    return std::nullopt;
  });
  EXPECT_TRUE(IsError(probe->SwjSequence(8, Packet{0xFF}), ErrorKind::kProbeError));
  const std::vector<SwdSegment> segments = {{.cycles = 8}};
  EXPECT_TRUE(IsError(probe->SwdSequence(segments).status(), ErrorKind::kProbeError));
  EXPECT_TRUE(ReadRdbuff(*probe).status.ok());
}

TEST_F(Driver, CloseLeavesTheProbeDisconnected) {
  auto probe = Connected();
  probe->Close();
  EXPECT_EQ(record_->requests, (std::vector<Packet>{{0x03}, {0x01, 0x00, 0x00}}));
  probe->Close();
  EXPECT_EQ(record_->requests.size(), 2u);
}

}  // namespace
}  // namespace probegate::cmsis_dap
