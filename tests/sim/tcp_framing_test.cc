#include "sim/tcp_framing.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

namespace probegate::sim {
namespace {

using Bytes = std::vector<uint8_t>;
using Status = RequestFramer::Status;

Bytes Request(size_t size) {
  Bytes bytes = {0x44, 0x41, 0x50, 0x00, static_cast<uint8_t>(size), static_cast<uint8_t>(size >> 8), 1, 0};
  bytes.resize(bytes.size() + size, 0xAB);
  return bytes;
}

void Feed(RequestFramer& framer, std::span<const uint8_t> bytes) {
  const std::span<uint8_t> space = framer.Space();
  ASSERT_GE(space.size(), bytes.size());
  std::copy(bytes.begin(), bytes.end(), space.begin());
  framer.Commit(bytes.size());
}

TEST(TcpFramingTest, FindsAPacketThatArrivesByteByByte) {
  RequestFramer framer;
  std::span<const uint8_t> packet;
  const Bytes bytes = Request(3);
  for (size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_EQ(framer.Next(packet), Status::kIncomplete);
    Feed(framer, std::span(bytes).subspan(i, 1));
  }
  EXPECT_EQ(framer.Next(packet), Status::kPacket);
  EXPECT_EQ(Bytes(packet.begin(), packet.end()), Bytes(3, 0xAB));
  EXPECT_EQ(framer.Next(packet), Status::kIncomplete);
}

TEST(TcpFramingTest, FindsPacketsThatArriveTogether) {
  RequestFramer framer;
  std::span<const uint8_t> packet;
  Bytes bytes = Request(kMaxPacketSize);
  const Bytes second = Request(1);
  bytes.insert(bytes.end(), second.begin(), second.end());
  bytes.push_back(0x44);
  Feed(framer, bytes);
  EXPECT_EQ(framer.Next(packet), Status::kPacket);
  EXPECT_EQ(packet.size(), kMaxPacketSize);
  EXPECT_EQ(framer.Next(packet), Status::kPacket);
  EXPECT_EQ(packet.size(), 1u);
  EXPECT_EQ(framer.Next(packet), Status::kIncomplete);
  EXPECT_FALSE(framer.Space().empty());
}

TEST(TcpFramingTest, RefusesEveryWrongHeader) {
  const struct {
    size_t at;
    uint8_t value;
  } kWrong[] = {{0, 0x45}, {3, 1}, {4, 0}, {5, 0x08}, {6, 2}, {7, 1}};
  for (const auto& wrong : kWrong) {
    RequestFramer framer;
    std::span<const uint8_t> packet;
    Bytes bytes = Request(1);
    bytes[wrong.at] = wrong.value;
    Feed(framer, bytes);
    EXPECT_EQ(framer.Next(packet), Status::kBad) << wrong.at;
  }
}

TEST(TcpFramingTest, ResponseHeaderHasTheTypeAndSize) {
  EXPECT_EQ(ResponseHeader(0x123), (FrameHeader{0x44, 0x41, 0x50, 0x00, 0x23, 0x01, 2, 0}));
}

}  // namespace
}  // namespace probegate::sim
