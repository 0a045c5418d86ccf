// Which devices that are not served look like probes, and what is said about them.
#include "probe/usb/likely_probes.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate::usb {
namespace {

using testing::HasSubstr;

std::string Why(uint16_t vendor, uint16_t product, const std::string& name, const std::string& interface = "") {
  DeviceInfo info;
  info.descriptor = {.vendor_id = vendor, .product_id = product};
  info.product = name;
  info.configuration.interfaces.push_back({.name = interface});
  return WhyNotServed(info);
}

TEST(LikelyProbes, OtherKindsAreKnownByTheirNumbers) {
  EXPECT_THAT(Why(0x0483, 0x3748, "STM32 STLink"), HasSubstr("ST-Link"));
  EXPECT_THAT(Why(0x0483, 0x374E, ""), HasSubstr("ST-Link"));
  EXPECT_THAT(Why(0x1366, 0x1015, ""), HasSubstr("J-Link"));
  EXPECT_THAT(Why(0x1A86, 0x8010, "WCH-Link"), HasSubstr("RISC-V mode; switch it"));
  EXPECT_THAT(Why(0x2E8A, 0x0004, "Picoprobe"), HasSubstr("install debugprobe"));
  EXPECT_EQ(Why(0x0483, 0x5740, "STM32 Virtual COM Port"), "");
}

TEST(LikelyProbes, OthersBySoundOfTheirNames) {
  for (const char* name : {"Olimex OpenOCD JTAG ARM-USB-TINY-H", "FTDI SWD adapter", "My Debugger", "CMSIS thing",
                           "daplink bootloader", "USB Programmer"}) {
    EXPECT_THAT(Why(0x0403, 0x6010, name), HasSubstr("match: {usb: \"0403:6010\"}")) << name;
    EXPECT_THAT(Why(0x0403, 0x6010, "Thing", name), HasSubstr(name));
  }
  for (const char* name : {"", "USB Keyboard", "FT232R USB UART", "Ethernet adapter", "Adapt"}) {
    EXPECT_EQ(Why(0x0403, 0x6001, name), "") << name;
  }
}

}  // namespace
}  // namespace probegate::usb
