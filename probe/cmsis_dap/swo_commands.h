// The SWO commands of CMSIS-DAP as values (CMSIS-DAP 2.1, "SWO Commands"). probe/cmsis_dap/command.h says what a
// command is. Bytes and no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/types/span.h"
#include "probe/cmsis_dap/command.h"

namespace probegate::cmsis_dap {

// DAP_SWO_Transport. A device may report that it can stream and still refuse to.
struct SwoTransport {
  static constexpr Command kCommand = Command::kSwoTransport;
  using Reply = Done;
  static constexpr uint8_t kData = 1;
  static constexpr uint8_t kStream = 2;
  uint8_t transport;

  size_t Encode(absl::Span<uint8_t> packet) const;
  std::string Argument() const { return std::to_string(transport); }
};

struct SwoMode {
  static constexpr Command kCommand = Command::kSwoMode;
  using Reply = Done;
  static constexpr uint8_t kOff = 0;
  static constexpr uint8_t kUart = 1;
  uint8_t mode;

  size_t Encode(absl::Span<uint8_t> packet) const;
  std::string Argument() const { return std::to_string(mode); }
};

struct SwoControl {
  static constexpr Command kCommand = Command::kSwoControl;
  using Reply = Done;
  bool start;

  size_t Encode(absl::Span<uint8_t> packet) const;
  std::string Argument() const { return start ? "start" : "stop"; }
};

struct SwoBaudrate {
  static constexpr Command kCommand = Command::kSwoBaudrate;
  struct Reply {
    uint32_t baud;  // the rate that the device uses; 0 if it has none near the one asked for
  };
  uint32_t baud;

  size_t Encode(absl::Span<uint8_t> packet) const;
  std::string Argument() const { return std::to_string(baud); }
  std::optional<Reply> Decode(absl::Span<const uint8_t> reply) const;
};

// DAP_SWO_Data: at most `most` bytes, which must not be more than MaxBytes.
struct SwoRead {
  static constexpr Command kCommand = Command::kSwoData;
  struct Reply {
    bool garbled;
    bool overrun;
    absl::Span<const uint8_t> bytes;
  };
  uint16_t most;

  static uint16_t MaxBytes(size_t packet_size);
  size_t Encode(absl::Span<uint8_t> packet) const;
  std::optional<Reply> Decode(absl::Span<const uint8_t> reply) const;
};

struct SwoStatus {
  static constexpr Command kCommand = Command::kSwoStatus;
  struct Reply {
    bool garbled;
    bool overrun;
  };

  size_t Encode(absl::Span<uint8_t> packet) const;
  std::optional<Reply> Decode(absl::Span<const uint8_t> reply) const;
};

}  // namespace probegate::cmsis_dap
