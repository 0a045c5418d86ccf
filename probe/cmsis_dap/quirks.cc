#include "probe/cmsis_dap/quirks.h"

namespace probegate::cmsis_dap {

absl::Span<const ProbeRule> KnownQuirks() {
  static const ProbeRule kQuirks[] = {
      {.match = {.usb = UsbId{0x2e8a, 0x000c}, .product = "Picoprobe*"},
       .settings = {.packet_count = 1},
       .from = "known quirk: firmware before debugprobe joins packets that are sent in a row, and loses them "
               "(github.com/raspberrypi/debugprobe/issues/46, pull/47)"},
      {.match = {.product = "YAPicoprobe*", .version = DapVersion::kV1},
       .settings = {.packet_count = 1, .packet_size = 64},
       .from = "known quirk: version 1 reports the packets of version 2, and holds one "
               "(github.com/rgrr/yapicoprobe/pull/199)"},
      {.match = {.usb = UsbId{0x1a86, 0x8012}},
       .settings = {},
       .from = "known quirk: WCH-Link in its Arm mode may have no name with CMSIS-DAP "
               "(probe-rs: is_known_cmsis_dap_dev)"},
  };
  return kQuirks;
}

}  // namespace probegate::cmsis_dap
