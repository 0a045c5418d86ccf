#include "sim/peripherals/uarte.h"

#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "peripheral_parts.h"

namespace probegate::sim {
namespace {

constexpr unsigned kIrq = 2;
constexpr uint32_t kStartRx = 0x000;
constexpr uint32_t kStopRx = 0x004;
constexpr uint32_t kStartTx = 0x008;
constexpr uint32_t kStopTx = 0x00C;
constexpr uint32_t kRxdRdy = 0x108;
constexpr uint32_t kEndRx = 0x110;
constexpr uint32_t kTxdRdy = 0x11C;
constexpr uint32_t kEndTx = 0x120;
constexpr uint32_t kRxTo = 0x144;
constexpr uint32_t kRxStarted = 0x14C;
constexpr uint32_t kTxStarted = 0x150;
constexpr uint32_t kTxStopped = 0x158;
constexpr uint32_t kShorts = 0x200;
constexpr uint32_t kIntenset = 0x304;
constexpr uint32_t kEnable = 0x500;
constexpr uint32_t kBaudrate = 0x524;
constexpr uint32_t kRxdPtr = 0x534;
constexpr uint32_t kRxdMaxCnt = 0x538;
constexpr uint32_t kRxdAmount = 0x53C;
constexpr uint32_t kTxdPtr = 0x544;
constexpr uint32_t kTxdMaxCnt = 0x548;
constexpr uint32_t kTxdAmount = 0x54C;
constexpr uint32_t kRamBase = 0x20000000;

class UarteTest : public testing::Test {
 protected:
  UarteTest() {
    bus_.Map(kRamBase, ram_);
    bus_.Map(0, flash_);
    uarte_.OnSend([this](uint8_t byte) { sent_ += static_cast<char>(byte); });
    Write(kEnable, 8);
    Write(kBaudrate, 0x01D60000);
  }
  uint32_t Read(uint32_t offset) { return ReadWord(uarte_, offset); }
  void Write(uint32_t offset, uint32_t value) { WriteWord(uarte_, offset, value); }
  // A character takes 87.1 us.
  void PassCharacters(uint64_t count) { clock_.AdvanceTo(clock_.now() + clock_.FromMicroseconds(88 * count)); }
  void Put(uint32_t address, std::string_view text) {
    for (char letter : text) bus_.Write(address++, 1, static_cast<uint8_t>(letter));
  }
  std::string Get(uint32_t address, size_t size) {
    std::string text;
    while (text.size() < size) text += static_cast<char>(bus_.Read(address++, 1).value());
    return text;
  }
  void Receive(std::string_view text) { uarte_.Receive({reinterpret_cast<const uint8_t*>(text.data()), text.size()}); }
  void Send(uint32_t address, uint32_t count) {
    Write(kTxdPtr, address);
    Write(kTxdMaxCnt, count);
    Write(kStartTx, 1);
  }
  void Listen(uint32_t address, uint32_t count) {
    Write(kRxdPtr, address);
    Write(kRxdMaxCnt, count);
    Write(kStartRx, 1);
  }

  SimClock clock_;
  RecordedLines lines_;
  Ram ram_{4096, 1};
  Flash flash_{std::vector<uint8_t>(4096, 'F')};
  Bus bus_;
  Uarte uarte_{clock_, bus_, lines_, kIrq};
  std::string sent_;
};

TEST_F(UarteTest, SendsFromRam) {
  Put(kRamBase + 0x123, "Hello");
  Write(kIntenset, 1u << 8);
  Send(kRamBase + 0x123, 5);
  EXPECT_EQ(Read(kTxStarted), 1u);
  EXPECT_EQ(sent_, "");
  PassCharacters(1);
  EXPECT_EQ(sent_, "H");
  EXPECT_EQ(Read(kTxdRdy), 1u);
  EXPECT_EQ(Read(kEndTx), 0u);
  PassCharacters(4);
  EXPECT_EQ(sent_, "Hello");
  EXPECT_EQ(Read(kEndTx), 1u);
  EXPECT_EQ(Read(kTxdAmount), 5u);
  EXPECT_TRUE(lines_.level(kIrq));
  Write(kEndTx, 0);
  EXPECT_FALSE(lines_.level(kIrq));
  EXPECT_EQ(clock_.next_due(), SimClock::kNever);
}

TEST_F(UarteTest, KeepsTheBaudrate) {
  Send(kRamBase, 100);
  clock_.AdvanceTo(clock_.FromMicroseconds(87 * 100));
  EXPECT_EQ(sent_.size(), 99u);
  clock_.AdvanceTo(clock_.FromMicroseconds(8715));
  EXPECT_EQ(sent_.size(), 100u);
}

TEST_F(UarteTest, StopsWithTheStopTask) {
  Put(kRamBase, "Hello");
  Send(kRamBase, 5);
  PassCharacters(2);
  Write(kStopTx, 1);
  EXPECT_EQ(Read(kEndTx), 1u);
  EXPECT_EQ(Read(kTxStopped), 1u);
  EXPECT_EQ(Read(kTxdAmount), 2u);
  PassCharacters(5);
  EXPECT_EQ(sent_, "He");
}

TEST_F(UarteTest, SendsNothingWhileDisabled) {
  Write(kEnable, 4);
  Send(kRamBase, 5);
  PassCharacters(5);
  EXPECT_EQ(sent_, "");
  EXPECT_EQ(Read(kTxStarted), 0u);
  Write(kEnable, 8);
  Send(kRamBase, 5);
  Write(kEnable, 0);
  PassCharacters(5);
  EXPECT_EQ(sent_, "");
}

TEST_F(UarteTest, AnEmptyBufferEndsImmediately) {
  Send(kRamBase, 0);
  EXPECT_EQ(Read(kEndTx), 1u);
  EXPECT_EQ(Read(kTxdAmount), 0u);
}

TEST_F(UarteTest, EasyDmaReachesOnlyRam) {
  Send(0, 2);
  PassCharacters(2);
  EXPECT_EQ(sent_, std::string(2, '\0'));
  Receive("ab");
  Listen(0xFFFFFFFF, 2);
  PassCharacters(2);
  EXPECT_EQ(Read(kEndRx), 1u);
}

TEST_F(UarteTest, ReceivesIntoRam) {
  Receive("ab");
  PassCharacters(5);
  EXPECT_EQ(Read(kRxdRdy), 0u) << "the receiver has not been started";
  Listen(kRamBase + 0x10, 3);
  EXPECT_EQ(Read(kRxStarted), 1u);
  PassCharacters(3);
  EXPECT_EQ(Read(kRxdRdy), 1u);
  EXPECT_EQ(Read(kEndRx), 0u);
  Receive("cd");
  PassCharacters(3);
  EXPECT_EQ(Read(kEndRx), 1u);
  EXPECT_EQ(Read(kRxdAmount), 3u);
  EXPECT_EQ(Get(kRamBase + 0x10, 3), "abc");
  Listen(kRamBase + 0x20, 3);
  PassCharacters(2);
  Write(kEndRx, 0);
  Write(kStopRx, 1);
  EXPECT_EQ(Read(kEndRx), 1u);
  EXPECT_EQ(Read(kRxTo), 1u);
  EXPECT_EQ(Read(kRxdAmount), 1u);
  EXPECT_EQ(Get(kRamBase + 0x20, 1), "d");
}

TEST_F(UarteTest, ContinuesWithTheStartShort) {
  Write(kShorts, 1u << 5);
  Receive("abcd");
  Listen(kRamBase, 2);
  Write(kRxdPtr, kRamBase + 0x100);
  PassCharacters(4);
  EXPECT_EQ(Get(kRamBase, 2), "ab");
  EXPECT_EQ(Get(kRamBase + 0x100, 2), "cd");
}

TEST_F(UarteTest, EndsWithTheStopShort) {
  Write(kShorts, 1u << 6);
  Receive("abcd");
  Listen(kRamBase, 2);
  PassCharacters(4);
  EXPECT_EQ(Read(kRxTo), 1u);
  EXPECT_EQ(Get(kRamBase, 2), "ab");
  EXPECT_EQ(clock_.next_due(), SimClock::kNever);
}

TEST_F(UarteTest, BytesThatDoNotFitAreLost) {
  Receive(std::string(Uarte::kWaitingBytes, 'a'));
  Receive("b");
  Listen(kRamBase, 4096);
  Write(kShorts, 1u << 5);
  PassCharacters(Uarte::kWaitingBytes + 1);
  EXPECT_EQ(Get(kRamBase, 1), "a");
  EXPECT_EQ(clock_.next_due(), SimClock::kNever);
}

TEST_F(UarteTest, ResetStopsIt) {
  Write(kIntenset, 1u << 20);
  Send(kRamBase, 5);
  EXPECT_TRUE(lines_.level(kIrq));
  uarte_.Reset(ResetCause::kPin);
  EXPECT_FALSE(lines_.level(kIrq));
  EXPECT_EQ(Read(kEnable), 0u);
  PassCharacters(5);
  EXPECT_EQ(sent_, "");
}

}  // namespace
}  // namespace probegate::sim
