// SWO capture by a CMSIS-DAP device: its commands as values (CMSIS-DAP 2.1, "SWO Commands"), as those of
// probe/cmsis_dap/protocol.h are, and the device's capture for a driver.
//
// UART mode, and bytes by DAP_SWO_Data. A transport with an endpoint for them would change what is behind Start and
// Read, and nothing else.
//
// Threads: the channel's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "probe/cmsis_dap/channel.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

// DAP_SWO_Transport, _Mode and _Control are answered by a status byte.
struct SwoTransport {
  static constexpr uint8_t kData = 1;
  uint8_t transport;
};
size_t Encode(const SwoTransport& command, absl::Span<uint8_t> packet);
struct SwoMode {
  static constexpr uint8_t kOff = 0;
  static constexpr uint8_t kUart = 1;
  uint8_t mode;
};
size_t Encode(const SwoMode& command, absl::Span<uint8_t> packet);
struct SwoControl {
  bool start;
};
size_t Encode(const SwoControl& command, absl::Span<uint8_t> packet);

// Decode: the rate that the device uses, 0 where it has none near it.
struct SwoBaudrate {
  uint32_t baud;
};
size_t Encode(const SwoBaudrate& command, absl::Span<uint8_t> packet);
std::optional<uint32_t> DecodeSwoBaudrate(absl::Span<const uint8_t> reply);

// At most `most` bytes. Decode: what came, which lies in the reply.
size_t MaxSwoBytes(size_t packet_size);
struct SwoDataRequest {
  uint16_t most;
};
struct SwoDataReply {
  bool garbled;
  bool overrun;
  absl::Span<const uint8_t> bytes;
};
size_t Encode(const SwoDataRequest& command, absl::Span<uint8_t> packet);
std::optional<SwoDataReply> DecodeSwoData(const SwoDataRequest& command, absl::Span<const uint8_t> reply);

// As Probe's methods of these names; the device must be one that has SWO in UART mode.
class SwoCapture {
 public:
  // `channel` must outlive it.
  SwoCapture(Channel& channel, size_t packet_size) : channel_(channel), most_(MaxSwoBytes(packet_size)) {}

  absl::Status Start(uint32_t baud);
  absl::Status Stop();
  absl::StatusOr<SwoData> Read();
  bool running() const { return running_; }

 private:
  absl::Status SetBaud(uint32_t baud);

  Channel& channel_;
  const size_t most_;
  bool running_ = false;
};

}  // namespace probegate::cmsis_dap
