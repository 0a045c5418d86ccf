// How packets reach a CMSIS-DAP device, whatever the connection.
//
// Packets arrive whole and in order. Several may be sent before the first reply is taken; replies that the transport
// cannot buffer stay in the device. Threads: one at a time. Errors: kProbeDisconnected if the device is gone, from then
// on always; any other error if a packet was lost or what arrived is not a packet, and the device may still be there.
// No method waits without a time limit.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "probe/cmsis_dap/trace_stream.h"
#include "probe/observer.h"

namespace probegate::cmsis_dap {

using TimePoint = std::chrono::steady_clock::time_point;

class Transport {
 public:
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // The longest packet that it carries, in bytes, in both directions. The device's own limit may be lower.
  virtual size_t max_packet_size() const = 0;

  // Whether packets from the device are padded to a fixed length, so that a packet's length does not show where a reply
  // ends.
  virtual bool pads_replies() const { return false; }

  virtual absl::Status Send(absl::Span<const uint8_t> packet) = 0;

  // The next packet from the device; nothing if `deadline` passed first (this may take up to 100 ms longer). The view
  // is valid until the next call of Receive.
  virtual absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Receive(TimePoint deadline) = 0;

  // The next packet that has already arrived, for a user that has no request in progress and so expects none; nothing
  // if there is none, or if the transport cannot tell. Does not wait. The view is valid until the next call of this or
  // of Receive.
  virtual absl::StatusOr<std::optional<absl::Span<const uint8_t>>> TakeUnasked() { return std::nullopt; }

  // Whether the device is still present. Does not wait.
  virtual absl::Status CheckPresent() = 0;

  // Tries to make a device that has stopped answering work again, and discards all packets in progress. `attempt`, from
  // 1 to restores(), says how drastic it may be. By default it does nothing. Returns true if the device was reset, or
  // reached anew, and so may have lost its settings.
  virtual absl::StatusOr<bool> Restore(int /*attempt*/) { return false; }
  virtual int restores() const { return 2; }

  // The device's endpoint for SWO; null if there is none. The transport owns it.
  virtual TraceStream* trace() { return nullptr; }

  // Why the device is gone, once a method has returned kProbeDisconnected.
  virtual DisconnectCause cause() const = 0;

 protected:
  Transport() = default;
};

}  // namespace probegate::cmsis_dap
