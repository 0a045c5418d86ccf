// What the registers of access ports hold: on the wire, and as each session believes.
//
// All users of a MEM-AP share its CSW and TAR, although each expects to have them to itself. So each session has a view
// of them per AP, and before an access through a view the lane writes what differs on the wire. With one session
// nothing ever differs.
#pragma once

#include <cstdint>
#include <optional>

#include "probe/adi/access_attributes.h"

namespace probegate {

// Which AP: APSEL in bits 31:24 (ADIv5), or its base address (ADIv6). One number for both, since SELECT is made from it
// in the same way.
using ApId = uint64_t;

// An AP address as the protocols carry it, taken apart.
struct ApAddress {
  ApId ap = 0;
  // The register by its ADIv5 offset (0x00 to 0xFC), if the address is that of one of an AP's own registers. In ADIv6
  // these lie at 0xD00 (IHI 0074 §C1.3); the rest of the 4 KiB has none.
  std::optional<uint8_t> offset;
};
ApAddress ParseApAddress(uint64_t address, bool adiv6);
uint64_t MakeApAddress(ApId ap, uint8_t offset, bool adiv6);

// True if an access to the register at `offset` depends on TAR or CSW, or is one of them.
bool IsTransferRegister(uint8_t offset);

struct ApView {
  std::optional<uint32_t> csw;
  std::optional<uint32_t> tar;
  std::optional<uint32_t> tar_high;
  // TAR has counted past the point up to which it is known without reading it. Its value is on the wire, as long as the
  // wire's `tar_owner` is this view.
  bool tar_on_wire = false;
  // The session has written TAR, but the value has not been sent yet: it is sent before the next access that depends on
  // it, even if the wire seems to hold it already. Never together with tar_on_wire.
  bool tar_due = false;
};

// One AP as it is on the wire. What is nullopt must be written before it is relied on.
struct WireAp {
  std::optional<uint32_t> csw;
  std::optional<uint32_t> tar;
  // Most APs have no upper word of TAR: until a session writes it, it is assumed to be 0 and not written.
  std::optional<uint32_t> tar_high;
  bool tar_high_used = false;
  // The view whose TAR the wire holds, if that view has tar_on_wire.
  ApView* tar_owner = nullptr;
};

// What is known about an AP since the wire was connected. It stays valid until the wire is disconnected.
struct ApIdentity {
  uint32_t idr = 0;
  bool is_mem_ap = false;
  uint32_t page = 1024;  // bytes within which TAR is known to count
  // A MEM-AP's values as first read, with which every session starts.
  uint32_t original_csw = 0;
  uint32_t original_tar = 0;
  // For the server's own memory interface; not known before the first use of it.
  std::optional<adi::ApAttributes> attributes;
};

// After `count` accesses through DRW: moves TAR on, on the wire and in `view` (null for the server's own memory
// interface), or makes it unknown if it has left the page within which it is known to count.
void AdvanceThroughDrw(WireAp& wire, ApView* view, const ApIdentity& identity, uint64_t count);

}  // namespace probegate
