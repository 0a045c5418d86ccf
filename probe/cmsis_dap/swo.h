// SWO capture by a CMSIS-DAP device: its commands as values (CMSIS-DAP 2.1, "SWO Commands"), as those of
// probe/cmsis_dap/protocol.h are, and the device's capture for a driver.
//
// UART mode. Bytes come by the device's endpoint for them where it has one that we reach, and says that it streams;
// else by DAP_SWO_Data. Either way a read costs a packet: on the endpoint there are bytes and nothing else, so what got
// lost is asked for by DAP_SWO_Status.
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
  static constexpr uint8_t kStream = 2;
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

struct SwoStatus {};
struct SwoStatusReply {
  bool garbled;
  bool overrun;
};
size_t Encode(const SwoStatus& command, absl::Span<uint8_t> packet);
std::optional<SwoStatusReply> DecodeSwoStatus(absl::Span<const uint8_t> reply);

// As Probe's methods of these names; the device must be one that has SWO in UART mode.
class SwoCapture {
 public:
  // `channel` must outlive it. `streams`: the device says that it can.
  SwoCapture(Channel& channel, size_t packet_size, bool streams)
      : channel_(channel), most_(MaxSwoBytes(packet_size)), may_stream_(streams && channel.has_trace()) {}

  absl::Status Start(uint32_t baud);
  absl::Status Stop();
  absl::StatusOr<SwoData> Read();

  // Where there is a capture that the device may have forgotten: begins it anew. The next Read says that bytes were
  // lost, or after an error that there is no capture.
  absl::Status Resume();

 private:
  absl::Status ChooseTransport();
  absl::Status SetBaud(uint32_t baud);
  absl::StatusOr<SwoData> ReadData();
  absl::StatusOr<SwoData> ReadStream();

  Channel& channel_;
  const size_t most_;
  const bool may_stream_;
  bool running_ = false;
  bool streaming_ = false;  // by the endpoint
  bool lost_ = false;       // bytes, and nobody was told yet
  uint32_t baud_ = 0;
};

}  // namespace probegate::cmsis_dap
