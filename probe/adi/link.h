// Waking a target's DP: from whatever state the wire is in to a DP that has answered its DPIDR.
//
// A serial wire DP says nothing until it has seen a line reset and a read of DPIDR; a part that also speaks JTAG wants
// to be switched first, one that is dormant woken, and one of several on the wire selected (ADIv5.2 §B4.3, §B5.3). A
// JTAG-DP answers once its TAP has been led through Test-Logic-Reset, and may have to be switched to, too.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "probe/probe.h"

namespace probegate::adi {

// Sends, one after another until DPIDR can be read: a line reset alone (which an SW-DP that is already selected wants,
// and which disturbs nothing); the JTAG-to-SWD sequence; the dormant-to-SWD sequence. With `target_select`, each is
// followed by the write of TARGETSEL that a multi-drop part needs (DPv2, §B4.3.4). Returns DPIDR; else the last error
// of the wire, with a message that says what was tried. The probe must be connected for SWD. SELECT is unknown
// afterwards.
absl::StatusOr<uint32_t> EstablishSwdLink(Probe& probe, std::optional<uint32_t> target_select);

// The same over JTAG, for a probe that is connected for it: Test-Logic-Reset alone, behind the SWD-to-JTAG sequence,
// behind the dormant-to-JTAG sequence. SELECT is 0 afterwards: unlike a line reset, Test-Logic-Reset leaves it, and
// DPIDR of a DP of version 3 is in bank 0.
absl::StatusOr<uint32_t> EstablishJtagLink(Probe& probe);

// The TARGETSEL value that a raw sequence writes, if it holds such a write (request byte 0x99, any five bits, 32 data
// bits, parity), so that the server can repeat it after a line reset. `bits` is driven least significant bit first.
std::optional<uint32_t> FindTargetSelect(absl::Span<const uint8_t> bits, size_t bit_count);

}  // namespace probegate::adi
