// Raw sequences of several sessions at the same time: each session finds the wire as if it were alone.
//
// A script is what one client does: raw sequences, each in a request of its own, and transfers. Each script is first
// run alone, then together with others, with the steps in every order or in many random ones. Its answers must be the
// same.
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probe/adi/registers.h"
#include "probe/error.h"
#include "server/sharing/shared_probe.h"
#include "tests/fakes/fake_probe.h"

namespace probegate {
namespace {

using Target = TransferStep::Target;

// A raw SWJ sequence of `count` bits, or a read of a DP register.
struct Step {
  size_t count = 0;
  std::vector<uint8_t> bits;
  uint8_t read = 0;
};
using Script = std::vector<Step>;

Step Ones(size_t count) { return {.count = count, .bits = std::vector<uint8_t>(count / 8 + 1, 0xFF)}; }
Step Code(uint64_t code, size_t count) {
  Step step{.count = count};
  for (size_t i = 0; i < count; i += 8) step.bits.push_back(static_cast<uint8_t>(code >> i));
  return step;
}
Step ReadDp(uint8_t address) { return {.read = address}; }

Script Attach() { return {Ones(51), Code(0xE79E, 16), Ones(51), Code(0, 8), ReadDp(0), ReadDp(4)}; }

// Sends the target to sleep, sees that it sleeps, and wakes it again; the selection alert is in two halves.
Script SleepAndWake() {
  return {Ones(60),
          Code(0xE3BC, 16),
          ReadDp(0),
          Ones(8),
          Code(0x86852D956209F392u, 64),
          Code(0x19BC0EA2E3DDAFE9u, 64),
          Code(0x1A0, 12),
          Ones(56),
          Code(0, 8),
          ReadDp(0),
          ReadDp(4)};
}

// Switches to JTAG, where no SW-DP answers, and back.
Script JtagAndBack() {
  return {Ones(56), Code(0xE73C, 16), ReadDp(0), Ones(51), Code(0xE79E, 16),
          Ones(51), Code(0, 3),       ReadDp(0), ReadDp(4)};
}

class RawSequencesTest : public testing::Test {
 protected:
  explicit RawSequencesTest(const FakeBoardOptions& board = {})
      : wire_(std::make_shared<FakeWire>(board, FakeWire::DefaultInfo("FAKE0001"))),
        shared_(std::make_unique<FakeProbe>(wire_)) {}
  ~RawSequencesTest() override { shared_.Shutdown(); }

  SessionState& Connected(const std::string& who) {
    SessionState& session = *sessions_.emplace_back(std::make_unique<SessionState>());
    session.who = who;
    shared_.Join(session);
    EXPECT_TRUE(shared_.Open(session).ok());
    EXPECT_TRUE(shared_.Connect(session, WireProtocol::kSwd).ok());
    return session;
  }
  void Leave(SessionState& session) {
    shared_.Leave(session);
    std::erase_if(sessions_, [&](const auto& known) { return known.get() == &session; });
  }

  // The answer to one step: a value, or the kind of error.
  std::string Do(SessionState& session, const Step& step) {
    if (step.count > 0) return Text(shared_.SwjSequence(session, step.count, step.bits), 0);
    TransferJob job = TransferJob::ReadRegister(Target::kDp, step.read, 1);
    const absl::Status status = Run(session, job);
    return Text(status, job.words[0]);
  }
  absl::Status Run(SessionState& session, TransferJob& job) {
    const SharedProbe::Work work{&job, &session};
    while (!job.finished()) EXPECT_TRUE(shared_.RunTransfers({&work, 1}, 1024).ok());
    return job.status;
  }
  static std::string Text(const absl::Status& status, uint32_t value) {
    return status.ok() ? std::to_string(value) : std::to_string(static_cast<int>(GetError(status).kind));
  }
  std::vector<std::string> Alone(const Script& script) {
    PowerCycle();
    SessionState& session = Connected("the only session");
    std::vector<std::string> answers;
    for (const Step& step : script) answers.push_back(Do(session, step));
    Leave(session);
    return answers;
  }
  void PowerCycle() { wire_->PowerCycle(); }

  const std::shared_ptr<FakeWire> wire_;
  SharedProbe shared_;
  std::vector<std::unique_ptr<SessionState>> sessions_;
};

struct Player {
  SessionState* session;
  const Script* script;
  std::vector<std::string> expected;
  size_t next = 0;
  bool done() const { return next == script->size(); }
};

TEST_F(RawSequencesTest, TheScriptsDoWhatTheySay) {
  const std::string missing = std::to_string(static_cast<int>(ErrorKind::kTransferError));
  const std::string dpidr = std::to_string(0x2BA01477);
  const auto attach = Alone(Attach());
  EXPECT_EQ(attach[4], dpidr);
  const auto sleep = Alone(SleepAndWake());
  EXPECT_EQ(sleep[2], missing);
  EXPECT_EQ(sleep[9], dpidr);
  const auto jtag = Alone(JtagAndBack());
  EXPECT_EQ(jtag[2], missing);
  EXPECT_EQ(jtag[7], dpidr);
}

// One session's whole script between any two steps of another's.
TEST_F(RawSequencesTest, AScriptMayComeBetweenAnyTwoStepsOfAnother) {
  const std::array<Script, 3> scripts = {Attach(), SleepAndWake(), JtagAndBack()};
  for (const Script& outer : scripts) {
    const auto outer_alone = Alone(outer);
    for (const Script& inner : scripts) {
      const auto inner_alone = Alone(inner);
      for (size_t at = 0; at <= outer.size(); ++at) {
        PowerCycle();
        SessionState& a = Connected("session a");
        SessionState& b = Connected("session b");
        for (size_t i = 0; i < outer.size(); ++i) {
          if (i == at) {
            for (size_t k = 0; k < inner.size(); ++k) EXPECT_EQ(Do(b, inner[k]), inner_alone[k]) << at << " " << k;
          }
          EXPECT_EQ(Do(a, outer[i]), outer_alone[i]) << "step " << i << ", interrupted before " << at;
        }
        Leave(a);
        Leave(b);
      }
    }
  }
}

// Three sessions with raw sequences and one that reads memory, in random order.
TEST_F(RawSequencesTest, ThreeScriptsAndTransfersInAnyOrder) {
  const std::array<Script, 3> scripts = {Attach(), SleepAndWake(), JtagAndBack()};
  const std::array<std::vector<std::string>, 3> alone = {Alone(scripts[0]), Alone(scripts[1]), Alone(scripts[2])};
  constexpr uint32_t kRam = 0x20000000;
  wire_->SetRam(kRam, 0xCAFEF00D);
  for (uint32_t seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    PowerCycle();
    SessionState& reader = Connected("the reader");
    const auto handle = shared_.MemoryInterface(reader, 1, 0);
    ASSERT_TRUE(handle.ok() && handle->has_value());
    std::vector<Player> players;
    for (size_t i = 0; i < scripts.size(); ++i) {
      players.push_back({&Connected("session " + std::to_string(i)), &scripts[i], alone[i]});
    }
    size_t left = scripts[0].size() + scripts[1].size() + scripts[2].size();
    while (left > 0) {
      const size_t who = random() % (players.size() + 1);
      if (who == players.size()) {
        TransferJob job = TransferJob::ReadMemory(**handle, {adi::SingleAccess(kRam, adi::AccessSize::k32)});
        ASSERT_TRUE(Run(reader, job).ok()) << "seed " << seed << ": " << job.status;
        ASSERT_EQ(job.words[0], 0xCAFEF00D);
        continue;
      }
      Player& player = players[who];
      if (player.done()) continue;
      ASSERT_EQ(Do(*player.session, (*player.script)[player.next]), player.expected[player.next])
          << "seed " << seed << ", script " << who << ", step " << player.next;
      ++player.next;
      --left;
    }
    while (!sessions_.empty()) Leave(*sessions_.back());
  }
}

// A client that makes its transfers itself, out of raw bits: nothing of them is sent twice.
TEST_F(RawSequencesTest, RequestsInRawBitsAreNotRepeated) {
  SessionState& a = Connected("session a");
  SessionState& b = Connected("session b");
  for (const Step& step : Attach()) Do(a, step);
  ASSERT_EQ(Do(a, Ones(56)), "0");
  ASSERT_EQ(Do(a, Code(0, 8)), "0");
  const std::vector<SwdSegment> read_dpidr = {{.cycles = 8, .output = {0xA5}}, {.cycles = 38, .output = {}}};
  ASSERT_TRUE(shared_.SwdSequence(a, read_dpidr).ok());
  Do(b, ReadDp(0));
  wire_->ClearLog();
  ASSERT_TRUE(shared_.SwdSequence(a, read_dpidr).ok());
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kSwdSequence), 1u);
}

TEST_F(RawSequencesTest, TheMemoryInterfaceDoesNotNeedWhatTheSessionHasSent) {
  SessionState& a = Connected("session a");
  for (const Step& step : {Ones(51), Code(0xE73C, 16)}) Do(a, step);  // and the target is in JTAG
  const auto handle = shared_.MemoryInterface(a, 1, 0);
  ASSERT_TRUE(handle.ok()) << handle.status();
  EXPECT_TRUE(handle->has_value());
  EXPECT_EQ(Do(a, ReadDp(0)), std::to_string(0x2BA01477));
}

TEST_F(RawSequencesTest, ASessionAloneSendsNothingTwice) {
  SessionState& a = Connected("session a");
  wire_->ClearLog();
  for (const Step& step : Attach()) Do(a, step);
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kSwjSequence), 4u);
  EXPECT_EQ(wire_->CountCalls(WireCall::Kind::kTransfer), 2u);
}

class MultiDropSequencesTest : public RawSequencesTest {
 protected:
  static constexpr uint32_t kTarget = 0x01002927;
  static constexpr uint32_t kOther = 0x11002927;
  static constexpr uint32_t kRescue = 0xF1002927;
  MultiDropSequencesTest() : RawSequencesTest({.target_selects = {kTarget, kOther, kRescue}}) {}

  std::optional<uint32_t> Selected() {
    std::optional<uint32_t> target;
    wire_->WithBoard([&](FakeBoard& board) { target = board.selected_target(); });
    return target;
  }
  uint32_t PowerOf(uint32_t target) {
    uint32_t power = 0;
    wire_->WithBoard([&](FakeBoard& board) { power = board.ctrl_stat(target) & adi::kPowerBits; });
    return power;
  }
  // In three requests.
  void Select(SessionState& session, uint32_t target) {
    Do(session, Ones(56));
    Do(session, Code(0, 8));
    const auto parity = static_cast<uint8_t>(__builtin_popcount(target) & 1);
    std::vector<uint8_t> data;
    for (int i = 0; i < 32; i += 8) data.push_back(static_cast<uint8_t>(target >> i));
    data.push_back(parity);
    ASSERT_TRUE(shared_
                    .SwdSequence(session, std::vector<SwdSegment>{{.cycles = 8, .output = {0x99}},
                                                                  {.cycles = 5, .output = {}},
                                                                  {.cycles = 33, .output = data}})
                    .ok());
  }
};

TEST_F(MultiDropSequencesTest, ASelectionSurvivesAnotherSessionBetweenItsParts) {
  SessionState& a = Connected("session a");
  SessionState& b = Connected("session b");
  Select(b, kOther);
  Do(b, ReadDp(0));
  Do(a, Ones(56));
  Do(a, Code(0, 8));
  EXPECT_EQ(Do(b, ReadDp(0)), std::to_string(0x2BA01477));
  Select(a, kTarget);
  EXPECT_EQ(Do(b, ReadDp(4)), "0");
  EXPECT_EQ(Selected(), kOther);
  EXPECT_EQ(Do(a, ReadDp(0)), std::to_string(0x2BA01477));
  EXPECT_EQ(Selected(), kTarget);
}

TEST_F(MultiDropSequencesTest, ASessionThatSelectedNothingGetsTheSameWhoeverCameBefore) {
  const std::string before = Do(Connected("the first session"), ReadDp(0));
  SessionState& a = Connected("session a");
  Select(a, kRescue);
  Do(a, ReadDp(0));
  SessionState& b = Connected("session b");
  EXPECT_EQ(Do(b, ReadDp(0)), before);
  EXPECT_FALSE(shared_.MemoryInterface(b, 1, 0).ok());
  EXPECT_FALSE(shared_.WriteDp(b, 4, adi::kPowerRequests).ok());
  EXPECT_EQ(PowerOf(kRescue), 0u) << "nothing is written to a DP that the session did not select";
  // A reset gives no session another's DP either.
  ASSERT_TRUE(shared_.Reset(b).ok());
  EXPECT_NE(Do(b, ReadDp(0)), std::to_string(0x2BA01477));
  EXPECT_EQ(Do(a, ReadDp(0)), std::to_string(0x2BA01477));
}

TEST_F(MultiDropSequencesTest, WhatTheLastUserHadSelectedIsNotTheNextOnes) {
  SessionState& a = Connected("session a");
  Select(a, kRescue);
  Do(a, ReadDp(0));
  Leave(a);
  SessionState& b = Connected("session b");
  EXPECT_NE(Do(b, ReadDp(0)), std::to_string(0x2BA01477));
  EXPECT_FALSE(shared_.WriteDp(b, 4, adi::kPowerRequests).ok());
  EXPECT_EQ(PowerOf(kRescue), 0u);
}

TEST_F(MultiDropSequencesTest, PowerIsRequestedOnlyFromTheDpThatASessionSelected) {
  SessionState& a = Connected("session a");
  SessionState& b = Connected("session b");
  Select(a, kTarget);
  Do(a, ReadDp(0));
  ASSERT_TRUE(shared_.WriteDp(a, 4, adi::kPowerRequests).ok());
  Select(b, kRescue);
  Do(b, ReadDp(0));
  EXPECT_EQ(PowerOf(kRescue), 0u);
  ASSERT_TRUE(shared_.Reset(b).ok());
  Do(b, ReadDp(0));
  EXPECT_EQ(PowerOf(kRescue), 0u) << "also when the link is established again";
  EXPECT_EQ(PowerOf(kTarget), adi::kPowerBits);
  Leave(b);
  EXPECT_EQ(PowerOf(kTarget), adi::kPowerBits);
  Leave(a);
  EXPECT_EQ(PowerOf(kTarget), 0u);
}

TEST_F(MultiDropSequencesTest, EachDpOfOneSessionHasItsOwnRegisters) {
  SessionState& a = Connected("session a");
  for (const uint32_t target : {kTarget, kOther}) {
    Select(a, target);
    Do(a, ReadDp(0));
    ASSERT_TRUE(shared_.WriteDp(a, 4, adi::kPowerRequests).ok());
    TransferJob csw = TransferJob::WriteRegister(Target::kAp, 0, {target == kTarget ? 0x23000050u : 0x23000052u});
    ASSERT_TRUE(Run(a, csw).ok());
  }
  Select(a, kTarget);
  Do(a, ReadDp(0));
  TransferJob csw = TransferJob::ReadRegister(Target::kAp, 0, 1);
  ASSERT_TRUE(Run(a, csw).ok());
  EXPECT_EQ(csw.words[0] & 0x3F, 0x10u);
}

TEST_F(MultiDropSequencesTest, AHandleStaysWithTheDpItWasMadeFor) {
  SessionState& a = Connected("session a");
  ASSERT_TRUE(shared_.WriteDp(a, adi::kDpTargetSel, kTarget).ok());
  const auto handle = shared_.MemoryInterface(a, 1, 0);
  ASSERT_TRUE(handle.ok() && handle->has_value());
  ASSERT_TRUE(shared_.WriteDp(a, adi::kDpTargetSel, kOther).ok());
  EXPECT_EQ(Selected(), kOther);
  TransferJob job = TransferJob::ReadMemory(**handle, {adi::SingleAccess(0x20000000, adi::AccessSize::k32)});
  ASSERT_TRUE(Run(a, job).ok()) << job.status;
  EXPECT_EQ(Selected(), kTarget);
  Do(a, ReadDp(0));
  EXPECT_EQ(Selected(), kOther);
}

TEST_F(MultiDropSequencesTest, TheTargetsOfOneSessionAreBounded) {
  SessionState& a = Connected("session a");
  for (uint32_t instance = 0; instance < kMaxTargets; ++instance) {
    EXPECT_FALSE(IsError(shared_.WriteDp(a, adi::kDpTargetSel, instance), ErrorKind::kUnsupported)) << instance;
  }
  EXPECT_TRUE(IsError(shared_.WriteDp(a, adi::kDpTargetSel, kTarget), ErrorKind::kUnsupported));
  EXPECT_EQ(a.dps.size(), kMaxTargets);
}

}  // namespace
}  // namespace probegate
