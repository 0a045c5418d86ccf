// How packets reach a CMSIS-DAP device, whatever lies between.
//
// Packets arrive whole and in order. Several may be sent before the first reply is taken; what a transport cannot hold
// it leaves with the device. Threads: one at a time. Errors: kProbeDisconnected when the device is gone, from then on
// for ever; any other where a packet was lost or what came is none, and the device may be there still. No method waits
// without a bound.
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

  // Longest packet it carries, in bytes, both ways. The device's own limit may be lower.
  virtual size_t max_packet_size() const = 0;

  // Whether packets from the device are filled up to one length, so that it does not tell where a reply ends.
  virtual bool pads_replies() const { return false; }

  virtual absl::Status Send(absl::Span<const uint8_t> packet) = 0;

  // The next packet from the device, or none when `deadline` passed first (by up to 100 ms). The view is good until the
  // next call of Receive.
  virtual absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Receive(TimePoint deadline) = 0;

  // Whether the device is still there, without waiting.
  virtual absl::Status CheckPresent() = 0;

  // Does what it can to have a device that no longer answers answer again, and throws away what was under way; harder
  // for each `attempt`, from 1. Where it can do nothing it does nothing. True where the device was reset, and may have
  // forgotten what it was told.
  virtual absl::StatusOr<bool> Restore(int /*attempt*/) { return false; }

  // The device's endpoint for SWO; null where there is none. It is the transport's.
  virtual TraceStream* trace() { return nullptr; }

  // Why the device is gone, once a method has answered kProbeDisconnected.
  virtual DisconnectCause cause() const = 0;

 protected:
  Transport() = default;
};

}  // namespace probegate::cmsis_dap
