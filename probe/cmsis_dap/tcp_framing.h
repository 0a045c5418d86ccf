// How CMSIS-DAP packets travel over TCP, as OpenOCD's cmsis_dap_tcp backend speaks it: each packet is preceded by 8
// bytes, little endian: u32 signature 0x00504144 ("DAP"), u16 length of the packet, u8 type, u8 0. Bytes and no I/O.
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

// Finds packets in a stream that arrives in pieces of any size. Its buffer has a fixed size.
class TcpPacketDecoder {
 public:
  // `type` is the type that the other end sends; any other type is an error.
  explicit TcpPacketDecoder(TcpPacketType type);

  // The next complete packet; nothing if there is none yet. kProbeError if the next header is invalid, or if the bytes
  // after the packet cannot begin another, which means that part of the packet is missing. After an error no more
  // packets can be found until Clear, because it is unknown where the next one starts. The view is valid until the next
  // call of FreeSpace.
  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Next();

  // FreeSpace is where to put the bytes that arrive; it is never empty after Next has returned nothing. Commit says how
  // many bytes were put there.
  absl::Span<uint8_t> FreeSpace();
  void Commit(size_t size);

  // Forgets what has arrived: a new stream begins.
  void Clear() { begin_ = end_ = 0; }

 private:
  const TcpPacketType type_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace probegate::cmsis_dap
