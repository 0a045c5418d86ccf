#include "probe/cmsis_dap/tcp_framing.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

std::vector<uint8_t> Framed(size_t length) {
  const auto header = EncodeTcpHeader(TcpPacketType::kResponse, length);
  std::vector<uint8_t> bytes(header.begin(), header.end());
  for (size_t i = 0; i < length; ++i) bytes.push_back(static_cast<uint8_t>(i));
  return bytes;
}

void Feed(TcpPacketDecoder& decoder, absl::Span<const uint8_t> bytes) {
  const absl::Span<uint8_t> space = decoder.FreeSpace();
  ASSERT_GE(space.size(), bytes.size());
  std::copy(bytes.begin(), bytes.end(), space.begin());
  decoder.Commit(bytes.size());
}

TEST(TcpFraming, TheHeaderIsAsDocumented) {
  EXPECT_EQ(EncodeTcpHeader(TcpPacketType::kRequest, 0x0102),
            (std::array<uint8_t, 8>{0x44, 0x41, 0x50, 0x00, 0x02, 0x01, 0x01, 0x00}));
}

TEST(TcpFraming, APacketIsReturnedOnceItsLastByteArrives) {
  TcpPacketDecoder decoder(TcpPacketType::kResponse);
  const std::vector<uint8_t> bytes = Framed(1024);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto packet = decoder.Next();
    ASSERT_TRUE(packet.ok() && !packet->has_value()) << i;
    Feed(decoder, absl::MakeConstSpan(bytes).subspan(i, 1));
  }
  const auto packet = decoder.Next();
  ASSERT_TRUE(packet.ok() && packet->has_value());
  EXPECT_EQ(**packet, absl::MakeConstSpan(bytes).subspan(8));
}

TEST(TcpFraming, FindsSeveralPacketsInOnePiece) {
  TcpPacketDecoder decoder(TcpPacketType::kResponse);
  std::vector<uint8_t> bytes;
  for (const size_t length : {3, 700, 1}) {
    const auto framed = Framed(length);
    bytes.insert(bytes.end(), framed.begin(), framed.end());
  }
  Feed(decoder, bytes);
  for (const size_t length : {3, 700, 1}) {
    const auto packet = decoder.Next();
    ASSERT_TRUE(packet.ok() && packet->has_value());
    EXPECT_EQ((*packet)->size(), length);
  }
  EXPECT_FALSE(decoder.Next()->has_value());
}

// Its missing bytes have been taken from the packet after it.
TEST(TcpFraming, APacketThatIsShorterThanItsHeaderSaysIsAnError) {
  for (size_t missing = 1; missing < 8; ++missing) {
    std::vector<uint8_t> bytes = Framed(10);
    bytes.resize(bytes.size() - missing);
    const std::vector<uint8_t> after = Framed(3);
    bytes.insert(bytes.end(), after.begin(), after.end());
    TcpPacketDecoder decoder(TcpPacketType::kResponse);
    Feed(decoder, bytes);
    EXPECT_FALSE(decoder.Next().ok()) << missing;
    decoder.Clear();
    Feed(decoder, after);
    EXPECT_TRUE(decoder.Next()->has_value());
  }
}

TEST(TcpFraming, AnInvalidHeaderIsAnError) {
  for (const size_t broken : {0, 3, 6}) {
    TcpPacketDecoder decoder(TcpPacketType::kResponse);
    std::vector<uint8_t> bytes = Framed(4);
    bytes[broken] ^= 0xFF;
    Feed(decoder, bytes);
    EXPECT_TRUE(IsError(decoder.Next().status(), ErrorKind::kProbeError)) << broken;
  }
}

TEST(TcpFraming, LengthsAreLimited) {
  for (const size_t length : {0, 1025, 65535}) {
    TcpPacketDecoder decoder(TcpPacketType::kResponse);
    const auto header = EncodeTcpHeader(TcpPacketType::kResponse, length);
    Feed(decoder, header);
    EXPECT_TRUE(IsError(decoder.Next().status(), ErrorKind::kProbeError)) << length;
  }
}

}  // namespace
}  // namespace probegate::cmsis_dap
