#include "probe/cmsis_dap/tcp_framing.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/hex.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

constexpr uint32_t kSignature = 0x00504144;
constexpr size_t kPacketsHeld = 4;

// Whether `bytes`, of which more may follow, can be the beginning of a packet.
bool MayBegin(absl::Span<const uint8_t> bytes) {
  constexpr std::array<uint8_t, 4> kBeginning = {'D', 'A', 'P', 0};
  const size_t size = std::min(bytes.size(), kBeginning.size());
  return std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size), kBeginning.begin());
}

struct Header {
  uint32_t signature;
  size_t length;
  uint8_t type;
};

Header DecodeHeader(const uint8_t* bytes) {
  return {.signature = bytes[0] | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16 | uint32_t{bytes[3]} << 24,
          .length = bytes[4] | size_t{bytes[5]} << 8,
          .type = bytes[6]};
}

}  // namespace

std::array<uint8_t, kTcpHeaderSize> EncodeTcpHeader(TcpPacketType type, size_t length) {
  return {kSignature & 0xFF,
          (kSignature >> 8) & 0xFF,
          (kSignature >> 16) & 0xFF,
          (kSignature >> 24) & 0xFF,
          static_cast<uint8_t>(length),
          static_cast<uint8_t>(length >> 8),
          static_cast<uint8_t>(type),
          0};
}

TcpPacketDecoder::TcpPacketDecoder(TcpPacketType type)
    : type_(type), buffer_(kPacketsHeld * (kTcpHeaderSize + kTcpMaxPacket)) {}

absl::StatusOr<std::optional<absl::Span<const uint8_t>>> TcpPacketDecoder::Next() {
  if (end_ - begin_ < kTcpHeaderSize) return std::nullopt;
  const Header header = DecodeHeader(buffer_.data() + begin_);
  if (header.signature != kSignature) {
    return MakeError(ErrorKind::kProbeError, "not a CMSIS-DAP packet: wrong signature " + Hex(header.signature));
  }
  if (header.type != static_cast<uint8_t>(type_)) {
    return MakeError(ErrorKind::kProbeError, "a CMSIS-DAP packet has the wrong type, " + std::to_string(header.type));
  }
  if (header.length == 0 || header.length > kTcpMaxPacket) {
    return MakeError(ErrorKind::kProbeError,
                     "a CMSIS-DAP packet has the invalid length of " + std::to_string(header.length) + " bytes");
  }
  if (end_ - begin_ < kTcpHeaderSize + header.length) return std::nullopt;
  const auto packet = absl::MakeConstSpan(buffer_).subspan(begin_ + kTcpHeaderSize, header.length);
  const size_t next = begin_ + kTcpHeaderSize + header.length;
  if (!MayBegin(absl::MakeConstSpan(buffer_).subspan(next, end_ - next))) {
    return MakeError(ErrorKind::kProbeError, "a CMSIS-DAP packet does not have the length that its header says");
  }
  begin_ = next;
  return packet;
}

absl::Span<uint8_t> TcpPacketDecoder::FreeSpace() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  return absl::MakeSpan(buffer_).subspan(end_);
}

void TcpPacketDecoder::Commit(size_t size) { end_ += size; }

}  // namespace probegate::cmsis_dap
