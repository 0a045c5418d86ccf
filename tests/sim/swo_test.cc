// SWO from a stimulus port to the bytes that the probe's client reads: ITM, TPIU, the line, and CMSIS-DAP's SWO
// commands.
#include <algorithm>
#include <string>
#include <vector>

#include "core_fixture.h"
#include "gtest/gtest.h"
#include "probe_client.h"

namespace probegate::sim {
namespace {

using Octets = std::vector<uint8_t>;

constexpr uint32_t kStim0 = 0xE0000000;
constexpr uint32_t kTer = 0xE0000E00;
constexpr uint32_t kTcr = 0xE0000E80;
constexpr uint32_t kLar = 0xE0000FB0;
constexpr uint32_t kLsr = 0xE0000FB4;
constexpr uint32_t kUnlock = 0xC5ACCE55;
constexpr uint32_t kTcrOn = 1;
constexpr uint32_t kTcrStamped = 3;
constexpr uint32_t kTcrBusy = 1u << 23;
constexpr uint32_t kAcpr = 0xE0040010;
constexpr uint32_t kSppr = 0xE00400F0;
constexpr uint32_t kFfcr = 0xE0040304;
constexpr uint32_t kTraceConfig = 0x4000055C;
constexpr uint32_t kTrcena = 1u << 24;
constexpr uint32_t kBitCycles = 64;  // at 1 Mbaud
constexpr uint32_t kByteCycles = 10 * kBitCycles;

// A chip that is set up for SWO at 1 Mbaud with all ports on, as a debugger does it.
class Swo : public CoreFixture {
 protected:
  Swo() {
    Put(kEntry, {0xE7FE});  // b .
    Start();
    chip().trace_port().OnSwo([this](const SwoFrame& frame) { frames_.push_back(frame); });
    Write(kDemcr, kTrcena);
    Write(kLar, kUnlock);
    Write(kTcr, kTcrOn);
    Write(kTer, 0xFFFFFFFF);
    Write(kTraceConfig, 0x10000);
    Write(kSppr, 2);
    Write(kFfcr, 0x100);
    Write(kAcpr, 31);
  }

  void Pass(uint64_t cycles) { chip().clock().AdvanceTo(chip().clock().now() + cycles); }
  void Stimulus(unsigned port, unsigned size, uint32_t value) {
    ASSERT_TRUE(chip().bus().Write(kStim0 + 4 * port, size, value));
  }
  // Waits until everything has been sent, and returns it.
  Octets Sent() {
    Pass(100 * kByteCycles);
    Octets bytes;
    for (const SwoFrame& frame : frames_) bytes.push_back(frame.byte);
    frames_.clear();
    return bytes;
  }

  std::vector<SwoFrame> frames_;
};

// D4.3: a software source packet's header has the port in bits 7:3 and 1, 2 or 3 for 1, 2 or 4 bytes.
TEST_F(Swo, AWriteIsSentAsAPacketOfItsSize) {
  Stimulus(0, 1, 'A');
  EXPECT_EQ(Sent(), (Octets{0x01, 'A'}));
  Stimulus(1, 2, 0x1234);
  EXPECT_EQ(Sent(), (Octets{0x0A, 0x34, 0x12}));
  Stimulus(31, 4, 0x11223344);
  EXPECT_EQ(Sent(), (Octets{0xFB, 0x44, 0x33, 0x22, 0x11}));
}

// C1.7: a port needs TRCENA, ITMENA and its bit of TER. FIFOREADY is 0 for a port that is off.
TEST_F(Swo, APortThatIsOffIgnoresWrites) {
  struct Row {
    uint32_t address, off, on;
  };
  for (const Row& row : {Row{kDemcr, 0, kTrcena}, Row{kTcr, 0, kTcrOn}, Row{kTer, ~2u, ~0u}}) {
    Write(row.address, row.off);
    EXPECT_EQ(Read(kStim0 + 4), 0u);
    Stimulus(1, 1, 'x');
    EXPECT_EQ(Sent(), Octets{});
    Write(row.address, row.on);
    EXPECT_EQ(Read(kStim0 + 4), 1u);
  }
}

// C1.7.3: a full FIFO is not ready. What is written anyway is lost, and one Overflow packet reports that (D4.2.3).
TEST_F(Swo, AFullFifoDropsWritesAndReportsThat) {
  for (int i = 0; i < 3; ++i) Stimulus(0, 4, 0x01010101);
  EXPECT_EQ(Read(kStim0), 0u);
  EXPECT_NE(Read(kTcr) & kTcrBusy, 0u);
  for (int i = 0; i < 5; ++i) Stimulus(0, 4, 0x02020202);
  Octets sent = Sent();
  EXPECT_EQ(std::ranges::count(sent, 0x03), 3);
  EXPECT_EQ(std::ranges::count(sent, 0x70), 1);
  EXPECT_EQ(sent.back(), 0x70);
  EXPECT_EQ(Read(kStim0), 1u);
  EXPECT_EQ(Read(kTcr) & kTcrBusy, 0u);
  Stimulus(0, 1, 'B');
  EXPECT_EQ(Sent(), (Octets{0x01, 'B'}));
}

// D4.2.4: format 2 for values up to 6, format 1 with groups of seven bits beyond. TSPrescale divides (C1.7.3).
TEST_F(Swo, TimestampsFollowTheirPackets) {
  Write(kTcr, kTcrStamped);
  Pass(5);
  Stimulus(0, 1, 'A');
  EXPECT_EQ(Sent(), (Octets{0x01, 'A', 0x50}));  // meanwhile the time of 100 bytes passes
  Stimulus(0, 1, 'B');
  const uint32_t since = 100 * kByteCycles;
  EXPECT_EQ(Sent(), (Octets{0x01, 'B', 0xC0, static_cast<uint8_t>(since | 0x80),
                            static_cast<uint8_t>(since >> 7 | 0x80), static_cast<uint8_t>(since >> 14)}));
  Write(kTcr, kTcrStamped | 2 << 8);
  Stimulus(0, 1, 'C');
  EXPECT_EQ(Sent(),
            (Octets{0x01, 'C', 0xC0, static_cast<uint8_t>(since / 16 | 0x80), static_cast<uint8_t>(since / 16 >> 7)}));
}

// D4.2.4: TC is 1 if the timestamp was delayed.
TEST_F(Swo, ATimestampWithoutRoomIsSentLaterAndMarked) {
  Write(kTcr, kTcrStamped);
  Stimulus(0, 4, 0);  // its timestamp of 0 has two bytes
  Stimulus(0, 4, 0);
  Stimulus(0, 2, 0);
  const Octets sent = Sent();
  EXPECT_EQ(std::ranges::count(sent, 0xD0), 1);
  EXPECT_LE(std::ranges::count(sent, 0xC0), 2);
}

// C1.7: TCR, TER and TPR can only be written while they are unlocked.
TEST_F(Swo, TheLockProtectsTheControlRegisters) {
  EXPECT_EQ(Read(kLsr), 1u);
  Write(kLar, 0);
  EXPECT_EQ(Read(kLsr), 3u);
  Write(kTer, 0);
  EXPECT_EQ(Read(kTer), 0xFFFFFFFFu);
  Stimulus(0, 1, 'A');
  EXPECT_EQ(Sent(), (Octets{0x01, 'A'}));
  Write(kLar, kUnlock);
  Write(kTer, 0);
  EXPECT_EQ(Read(kTer), 0u);
}

// C1.10: the rate is the trace clock divided by ACPR + 1.
TEST_F(Swo, BytesAreSentAtTheRateOfTheTraceClock) {
  Stimulus(0, 1, 'A');
  Pass(100 * kByteCycles);
  ASSERT_EQ(frames_.size(), 2u);
  EXPECT_EQ(frames_[0].bit_cycles, kBitCycles);
  EXPECT_EQ(frames_[1].start - frames_[0].start, kByteCycles);
  Write(kTraceConfig, 0x10003);  // 4 MHz
  Write(kAcpr, 1);
  frames_.clear();
  Stimulus(0, 1, 'A');
  EXPECT_EQ(frames_.at(0).bit_cycles, 32u);
}

// With another protocol, with the formatter, or if the pin belongs to GPIO, no byte is received, and none are kept.
TEST_F(Swo, BytesSentInUnmodelledWaysAreLost) {
  struct Row {
    uint32_t address, other, back;
  };
  for (const Row& row : {Row{kSppr, 0, 2}, Row{kSppr, 1, 2}, Row{kFfcr, 0x102, 0x100}, Row{kTraceConfig, 0, 0x10000}}) {
    Write(row.address, row.other);
    Stimulus(0, 1, 'A');
    EXPECT_EQ(Sent(), Octets{}) << std::hex << row.address;
    Write(row.address, row.back);
    Stimulus(0, 1, 'B');
    EXPECT_EQ(Sent(), (Octets{0x01, 'B'}));
  }
}

TEST_F(Swo, ComponentsIdentifyThemselves) {
  EXPECT_EQ(Read(0xE0040FC8), 0xCA1u);
  EXPECT_EQ(Read(0xE0040FCC), 0x11u);
  EXPECT_EQ(Read(0xE0040FE0) | Read(0xE0040FE4) << 8, 0xB9A1u);
  EXPECT_EQ(Read(0xE0000FE0) | Read(0xE0000FE4) << 8, 0xB001u);
  Write(0xE0040FA0, 5);
  EXPECT_EQ(Read(0xE0040FA4), 5u);
  Write(0xE0040FA4, 1);
  EXPECT_EQ(Read(0xE0040FA4), 4u);
}

TEST_F(Swo, StoresOfTheProgramAreSentToo) {
  // ldr r0, =ITM; movs r1, #'A'; strb r1, [r0]; b .
  Put(kEntry, {0x4801, 0x2141, 0x7001, 0xE7FE, 0x0000, 0xE000});
  Start();
  Write(kDemcr, kTrcena);
  Write(kLar, kUnlock);
  Write(kTcr, kTcrOn);
  Write(kTer, 1);
  Write(kTraceConfig, 0x10000);
  Write(kSppr, 2);
  Write(kFfcr, 0);
  chip().trace_port().OnSwo([this](const SwoFrame& frame) { frames_.push_back(frame); });
  Run(1000);
  EXPECT_EQ(Sent(), (Octets{0x01, 'A'}));
}

// ---- the receiver ----

class Receiver : public testing::Test {
 protected:
  // Sends `bytes` back to back, with `bit_cycles` for each bit, and returns what is received at `baud`.
  std::string Receive(uint32_t baud, const std::string& bytes, uint64_t bit_cycles) {
    received_.clear();
    errors_ = 0;
    SwoReceiver receiver(
        64'000'000, [this](uint8_t byte) { received_.push_back(static_cast<char>(byte)); }, [this] { ++errors_; });
    receiver.Start(baud, 1000);
    uint64_t at = 5000;
    for (const char byte : bytes) {
      receiver.OnFrame({.start = at, .bit_cycles = bit_cycles, .byte = static_cast<uint8_t>(byte)});
      at += SwoFrame::kBits * bit_cycles;
    }
    receiver.AdvanceTo(at + 10'000'000);
    return received_;
  }

  std::string received_;
  unsigned errors_ = 0;
};

TEST_F(Receiver, ReceivesWhatIsSentAtItsRate) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(Receive(1'000'000, all, 64), all);
  EXPECT_EQ(Receive(1'020'000, all, 64), all) << "close to the sender's rate";
  EXPECT_EQ(Receive(980'000, all, 64), all);
  EXPECT_EQ(Receive(8'000'000, all, 8), all);
  EXPECT_EQ(errors_, 0u);
}

TEST_F(Receiver, ReceivesOtherBytesAtAnotherRate) {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (const uint32_t baud : {2'000'000u, 500'000u, 115'200u, 1'200u}) {
    const std::string first = Receive(baud, text, 64);
    EXPECT_EQ(first.find("quick"), std::string::npos) << baud;
    EXPECT_LE(first.size() + errors_, 5 * text.size()) << baud;
    EXPECT_EQ(Receive(baud, text, 64), first) << baud << ": not the same each time";
  }
}

TEST_F(Receiver, ALowStopBitIsAFramingError) {
  EXPECT_EQ(Receive(500'000, std::string(2, '\0'), 128 * 4), "");
  EXPECT_GT(errors_, 0u);
}

// ---- CMSIS-DAP ----

struct SwoProbe : ProbeClient {
  SwoProbe() {
    Attach();
    WriteWord(kDemcr, kTrcena);
    WriteWord(kLar, kUnlock);
    WriteWord(kTcr, kTcrOn);
    WriteWord(kTer, 0xFFFFFFFF);
    WriteWord(kTraceConfig, 0x10000);
    WriteWord(kSppr, 2);
    WriteWord(kFfcr, 0x100);
    WriteWord(kAcpr, 31);
  }
  void WriteWord(uint32_t address, uint32_t value) { Transfer({WriteTar(address), WriteDrw(value)}); }
  void Pass(uint64_t cycles) { board.chip().clock().AdvanceTo(board.chip().clock().now() + cycles); }
  // Sends a packet of five bytes on port 0, and lets its time pass.
  void Send(uint32_t value) {
    WriteWord(kStim0, value);
    Pass(6 * kByteCycles);
  }
  Octets Baud(uint32_t baud) {
    Octets packet = {0x19};
    Append32(packet, baud);
    return Command(packet);
  }
  void StartCapture(uint32_t baud = 1'000'000) {
    Command({0x17, 1});
    Command({0x18, 1});
    Baud(baud);
    EXPECT_EQ(Command({0x1A, 1}), (Octets{0x1A, 0}));
  }
  // Status and bytes.
  std::pair<unsigned, Octets> Data(uint16_t most = 1000) {
    const Octets reply = Command({0x1C, static_cast<uint8_t>(most), static_cast<uint8_t>(most >> 8)});
    EXPECT_EQ(reply.at(2) | reply.at(3) << 8, static_cast<int>(reply.size() - 4));
    return {reply.at(1), Octets(reply.begin() + 4, reply.end())};
  }
};

TEST(SwoCommands, InfoReportsTheSwoCapabilities) {
  SwoProbe probe;
  EXPECT_EQ(probe.Command({0x00, 0xF0}).at(2) & 0x4C, 0x04) << "UART, neither Manchester nor a stream";
  const Octets size = probe.Command({0x00, 0xFD});
  ASSERT_EQ(size.at(1), 4);
  EXPECT_EQ(Word(size, 2), SwoCapture::kBufferBytes);
}

TEST(SwoCommands, WritesThroughTheApAreCaptured) {
  SwoProbe probe;
  probe.StartCapture();
  probe.Send(0x44434241);
  EXPECT_EQ(probe.Data(), (std::pair<unsigned, Octets>{1, {0x03, 'A', 'B', 'C', 'D'}}));
  EXPECT_EQ(probe.Data(), (std::pair<unsigned, Octets>{1, {}}));
  probe.Send(0x48474645);
  EXPECT_EQ(probe.Data(2).second, (Octets{0x03, 'E'}));
  EXPECT_EQ(probe.Data().second, (Octets{'F', 'G', 'H'}));
}

TEST(SwoCommands, StatusReportsTheBytesWaiting) {
  SwoProbe probe;
  EXPECT_EQ(probe.Command({0x1B}), (Octets{0x1B, 0, 0, 0, 0, 0}));
  probe.StartCapture();
  probe.Send(0);
  EXPECT_EQ(probe.Command({0x1B}), (Octets{0x1B, 1, 5, 0, 0, 0}));
  const Octets extended = probe.Command({0x1E, 7});
  ASSERT_EQ(extended.size(), 1u + 1 + 4 + 4 + 4);
  EXPECT_EQ(extended.at(1), 1);
  EXPECT_EQ(Word(extended, 2), 5u);
  EXPECT_EQ(Word(extended, 6), 5u);
  EXPECT_EQ(probe.Command({0x1E, 2}), (Octets{0x1E, 5, 0, 0, 0}));
  EXPECT_EQ(probe.Command({0x1E, 0}), (Octets{0x1E}));
}

TEST(SwoCommands, AFullBufferDropsBytesAndReportsThatOnce) {
  SwoProbe probe;
  probe.StartCapture();
  for (size_t i = 0; i < SwoCapture::kBufferBytes / 5 + 10; ++i) probe.Send(0x5A5A5A5A);
  size_t total = 0;
  auto [status, bytes] = probe.Data();
  EXPECT_EQ(status, 0x81u);
  for (; !bytes.empty(); std::tie(status, bytes) = probe.Data()) {
    total += bytes.size();
    if (total > 1000) {
      EXPECT_EQ(status, 0x01u);
    }
  }
  EXPECT_EQ(total, SwoCapture::kBufferBytes);
}

TEST(SwoCommands, AnotherRateGivesOtherBytesAndAStreamError) {
  SwoProbe probe;
  probe.StartCapture(400'000);
  for (int i = 0; i < 20; ++i) probe.Send(0);
  const auto [status, bytes] = probe.Data();
  EXPECT_EQ(status, 0x41u);
  EXPECT_LT(bytes.size(), 100u);
}

TEST(SwoCommands, InvalidSettingsAreRefused) {
  SwoProbe probe;
  EXPECT_EQ(probe.Command({0x1A, 1}), (Octets{0x1A, 0xFF})) << "no mode";
  EXPECT_EQ(probe.Command({0x18, 2}), (Octets{0x18, 0xFF})) << "Manchester";
  EXPECT_EQ(probe.Command({0x17, 2}), (Octets{0x17, 0xFF})) << "no endpoint";
  EXPECT_EQ(probe.Command({0x17, 3}), (Octets{0x17, 0xFF}));
  EXPECT_EQ(probe.Baud(0), (Octets{0x19, 0xB0, 0x04, 0, 0})) << "the nearest possible rate";
  probe.StartCapture();
  EXPECT_EQ(probe.Command({0x17, 0}), (Octets{0x17, 0xFF})) << "not during a capture";
  for (const Octets& cut :
       {Octets{0x17}, Octets{0x18}, Octets{0x19, 1, 2, 3}, Octets{0x1A}, Octets{0x1C, 1}, Octets{0x1E}}) {
    EXPECT_EQ(probe.Command(cut), Octets{0xFF}) << static_cast<int>(cut[0]);
  }
}

TEST(SwoCommands, StopKeepsTheBufferAndStartEmptiesIt) {
  SwoProbe probe;
  probe.StartCapture();
  probe.Send(0x11111111);
  probe.Command({0x1A, 0});
  probe.Send(0x22222222);
  EXPECT_EQ(probe.Data(), (std::pair<unsigned, Octets>{0, {0x03, 0x11, 0x11, 0x11, 0x11}}));
  probe.StartCapture();
  probe.Send(0x33333333);
  probe.Command({0x1A, 0});
  probe.StartCapture();
  EXPECT_EQ(probe.Data().second, Octets{});
  probe.board.device().Unplug();
  EXPECT_EQ(probe.Command({0x1B}).at(1), 0);
  EXPECT_EQ(probe.Command({0x1A, 1}), (Octets{0x1A, 0xFF}));
}

TEST(SwoCommands, TheStreamNeedsAnEndpoint) {
  SwoProbe probe;
  probe.board.device().swo().OfferStream(true);
  EXPECT_EQ(probe.Command({0x00, 0xF0}).at(2) & 0x40, 0x40);
  EXPECT_EQ(probe.Command({0x17, 2}), (Octets{0x17, 0}));
  probe.Command({0x18, 1});
  probe.Baud(1'000'000);
  probe.Command({0x1A, 1});
  probe.Send(0x44434241);
  EXPECT_EQ(probe.Data().second, Octets{});
  Octets out(64);
  ASSERT_EQ(probe.board.device().swo().ReadStream(out), 5u);
  EXPECT_EQ(out[1], 'A');
}

}  // namespace
}  // namespace probegate::sim
