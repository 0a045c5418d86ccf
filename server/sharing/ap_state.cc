#include "server/sharing/ap_state.h"

#include "probe/adi/mem_ap.h"
#include "probe/adi/registers.h"

namespace probegate {
namespace {

constexpr uint64_t kAdiv6FrameMask = 0xFFF;
constexpr uint64_t kAdiv6Registers = 0xD00;

uint32_t BytesPerAccess(uint32_t csw) {
  switch (csw & adi::kCswAddrIncMask) {
    case adi::kCswAddrIncSingle:
      return 1u << (csw & adi::kCswSizeMask);
    case adi::kCswAddrIncPacked:
      return 4;
    default:
      return 0;
  }
}

}  // namespace

ApAddress ParseApAddress(uint64_t address, bool adiv6) {
  if (!adiv6) return {address & 0xFF000000u, static_cast<uint8_t>(address & 0xFC)};
  ApAddress parsed{address & ~kAdiv6FrameMask, std::nullopt};
  if ((address & 0xF00) == kAdiv6Registers) parsed.offset = static_cast<uint8_t>(address & 0xFC);
  return parsed;
}

uint64_t MakeApAddress(ApId ap, uint8_t offset, bool adiv6) { return ap + offset + (adiv6 ? kAdiv6Registers : 0); }

bool IsTransferRegister(uint8_t offset) { return offset < 0x20; }

void AdvanceThroughDrw(WireAp& wire, ApView* view, const ApIdentity& identity, uint64_t count) {
  if (count == 0) return;
  std::optional<uint32_t> next;
  if (wire.csw && wire.tar) {
    const uint64_t step = BytesPerAccess(*wire.csw);
    const uint64_t page_left = identity.page - (*wire.tar & (identity.page - 1));
    // What TAR holds at the very end of a page differs from AP to AP, so that counts as unknown, too.
    if (step == 0 || count * step < page_left) {
      next = static_cast<uint32_t>(adi::AdvanceTar(*wire.tar, *wire.csw, count, identity.page));
    }
  }
  wire.tar = next;
  wire.tar_owner = next ? nullptr : view;
  if (view != nullptr) {
    view->tar = next;
    view->tar_on_wire = !next.has_value();
  }
}

}  // namespace probegate
