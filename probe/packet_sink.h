// Where the packets that a probe is sent, and sends, can be kept as they are: to find out later what an odd one did.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/types/span.h"

namespace probegate {

// Of one link to one probe. Methods are called on the thread that uses the probe, and must not block.
class PacketSink {
 public:
  virtual ~PacketSink() = default;

  virtual void OnPacketOut(absl::Span<const uint8_t> packet) = 0;
  virtual void OnPacketIn(absl::Span<const uint8_t> packet) = 0;

  // Bytes of SWO by an endpoint of their own, as they were taken.
  virtual void OnTrace(absl::Span<const uint8_t> bytes) = 0;

  // Something else happened to the link: `event` is a word, `text` for a person and may be empty.
  virtual void OnEvent(std::string_view event, std::string_view text) = 0;
};

}  // namespace probegate
