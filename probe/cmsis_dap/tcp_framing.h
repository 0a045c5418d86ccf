// How CMSIS-DAP packets travel over TCP, as OpenOCD's cmsis_dap_tcp backend speaks it: before each packet 8 bytes,
// little endian: u32 signature 0x00504144 ("DAP"), u16 length of the packet, u8 type, u8 0. Bytes and no I/O.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace probegate::cmsis_dap {

inline constexpr size_t kTcpHeaderSize = 8;
// The longest packet, without its header: what OpenOCD's backend carries (its CMSIS_DAP_PACKET_SIZE).
inline constexpr size_t kTcpMaxPacket = 1024;

enum class TcpPacketType : uint8_t { kRequest = 1, kResponse = 2 };

// The header of a packet of `length` (1 to kTcpMaxPacket) bytes.
std::array<uint8_t, kTcpHeaderSize> EncodeTcpHeader(TcpPacketType type, size_t length);

// Finds packets in a stream that arrives in pieces of any size. Holds at most a fixed number of bytes.
class TcpPacketDecoder {
 public:
  // `type` is what the other end sends; another is an error.
  explicit TcpPacketDecoder(TcpPacketType type);

  // The next packet that is complete, or none yet. The view is good until the next call of FreeSpace. An error
  // (kProbeError) means that the stream holds no more packets: without a header nothing says where one starts.
  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Next();

  // Where to put what arrives, never empty once Next answered none; and how much was put there.
  absl::Span<uint8_t> FreeSpace();
  void Commit(size_t size);

 private:
  const TcpPacketType type_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace probegate::cmsis_dap
