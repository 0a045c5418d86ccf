// Receives every packet that is sent to a probe or comes from it, so that the behavior of an unusual probe can be
// analyzed later.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/types/span.h"

namespace probegate {

// For one link to one probe. Methods are called on the thread that uses the probe, and must not block.
class PacketSink {
 public:
  virtual ~PacketSink() = default;

  virtual void OnPacketOut(absl::Span<const uint8_t> packet) = 0;
  virtual void OnPacketIn(absl::Span<const uint8_t> packet) = 0;

  // SWO bytes from an endpoint of their own, as they were read.
  virtual void OnTrace(absl::Span<const uint8_t> bytes) = 0;

  // Something else happened to the link. `event` is one word; `text` is for people and may be empty.
  virtual void OnEvent(std::string_view event, std::string_view text) = 0;
};

}  // namespace probegate
