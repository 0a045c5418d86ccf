// Wakes a target's DP: brings the wire from any state to a DP that has answered a read of DPIDR.
//
// A serial wire DP does not answer until it has seen a line reset and a read of DPIDR. Before that, a part that also
// speaks JTAG must be switched to SWD, a dormant part must be woken, and on a wire with several parts one must be
// selected (ADIv5.2 §B4.3, §B5.3). A JTAG-DP answers once its TAP has gone through Test-Logic-Reset; the part may have
// to be switched to JTAG first.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "probe/probe.h"

namespace probegate::adi {

// Sends, one after another until DPIDR can be read: a line reset alone (enough for an SW-DP that is already selected,
// and harmless); the JTAG-to-SWD sequence; the dormant-to-SWD sequence. With `target_select`, each is followed by the
// write of TARGETSEL that a multi-drop part needs (DPv2, §B4.3.4). Returns DPIDR, or the wire's last error, with a
// message that says what was tried. The probe must be connected for SWD. SELECT is unknown afterwards.
absl::StatusOr<uint32_t> EstablishSwdLink(Probe& probe, std::optional<uint32_t> target_select);

// The same over JTAG, for a probe that is connected for it: Test-Logic-Reset alone, then after the SWD-to-JTAG
// sequence, then after the dormant-to-JTAG sequence. SELECT is 0 afterwards: unlike a line reset, Test-Logic-Reset does
// not change SELECT, so it is written, because DPIDR of a version 3 DP is in bank 0.
absl::StatusOr<uint32_t> EstablishJtagLink(Probe& probe);

// What raw SWD bits do to the selection of a DP (ADIv5.2 §B4.3.3, §B4.3.4).
struct RawEffect {
  // They contain a line reset, after which no DP of a multi-drop wire is selected.
  bool line_reset = false;
  // The value of TARGETSEL that they write (request byte 0x99, any five bits, 32 data bits, parity): after their last
  // line reset or, if they have none, at their beginning.
  std::optional<uint32_t> target_select;
  // Another request was sent there: the bits talk to the DP, instead of only leading to it.
  bool request = false;
};
// `bits` is driven least significant bit first.
RawEffect EffectOf(absl::Span<const uint8_t> bits, size_t bit_count);

}  // namespace probegate::adi
