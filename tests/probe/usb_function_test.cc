// Which interfaces are probes.
#include "probe/cmsis_dap/usb_function.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probe/error.h"
#include "tests/fakes/fake_usb.h"

namespace probegate::cmsis_dap {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using usb::TransferKind;

TEST(UsbFunctions, Version2WithItsSwoEndpoint) {
  const auto functions = FindUsbFunctions(BulkProbeInfo("1-1", "A"));
  ASSERT_THAT(functions, SizeIs(1));
  EXPECT_FALSE(functions[0].hid);
  EXPECT_EQ(functions[0].interface, 1);
  EXPECT_EQ(functions[0].out->address, 0x02);
  EXPECT_EQ(functions[0].in.address, 0x82);
  EXPECT_EQ(functions[0].swo->address, 0x83);
  EXPECT_TRUE(functions[0].problem.ok());
}

TEST(UsbFunctions, Version1WithAndWithoutAnEndpointOut) {
  usb::DeviceInfo info = HidProbeInfo("1-1", "A");
  auto functions = FindUsbFunctions(info);
  ASSERT_THAT(functions, SizeIs(1));
  EXPECT_TRUE(functions[0].hid);
  EXPECT_EQ(functions[0].interface, 3);
  EXPECT_EQ(functions[0].in.address, 0x84);
  EXPECT_EQ(functions[0].out->address, 0x04);
  info.configuration.interfaces[0].endpoints.pop_back();
  functions = FindUsbFunctions(info);
  ASSERT_THAT(functions, SizeIs(1));
  EXPECT_EQ(functions[0].out, std::nullopt);
  EXPECT_TRUE(functions[0].problem.ok());
}

TEST(UsbFunctions, Version2IsPreferred) {
  usb::DeviceInfo info = HidProbeInfo("1-1", "A");
  info.configuration.interfaces.push_back(BulkProbeInfo("1-1", "A").configuration.interfaces[0]);
  const auto functions = FindUsbFunctions(info);
  ASSERT_THAT(functions, SizeIs(1));
  EXPECT_FALSE(functions[0].hid);
}

TEST(UsbFunctions, SeveralInOneDevice) {
  usb::DeviceInfo info = BulkProbeInfo("1-1", "A");
  info.configuration.interfaces.push_back(info.configuration.interfaces[0]);
  info.configuration.interfaces[0].number = 4;
  const auto functions = FindUsbFunctions(info);
  ASSERT_THAT(functions, SizeIs(2));
  EXPECT_EQ(functions[0].interface, 1);
  EXPECT_EQ(functions[1].interface, 4);
}

TEST(UsbFunctions, AHidInterfaceIsKnownByTheProductToo) {
  usb::DeviceInfo info = HidProbeInfo("1-1", "A");
  info.configuration.interfaces[0].name.clear();
  info.configuration.interfaces.push_back(info.configuration.interfaces[0]);
  info.configuration.interfaces[1].number = 5;
  const auto functions = FindUsbFunctions(info);
  ASSERT_THAT(functions, SizeIs(1));
  EXPECT_EQ(functions[0].interface, 3);
  info.product = "Keyboard";
  EXPECT_THAT(FindUsbFunctions(info), IsEmpty());
}

TEST(UsbFunctions, OthersAreNone) {
  usb::DeviceInfo keyboard = HidProbeInfo("1-1", "A");
  keyboard.configuration.interfaces[0].subclass = 1;  // with a boot protocol
  EXPECT_THAT(FindUsbFunctions(keyboard), IsEmpty());
  usb::DeviceInfo alternate = BulkProbeInfo("1-1", "A");
  alternate.configuration.interfaces[0].alternate = 1;
  EXPECT_THAT(FindUsbFunctions(alternate), IsEmpty());
  usb::DeviceInfo other = BulkProbeInfo("1-1", "A");
  other.configuration.interfaces[0].name = "WebUSB: CMSIS";
  EXPECT_THAT(FindUsbFunctions(other), IsEmpty());
}

TEST(UsbFunctions, WhatSaysThatItIsOneAndCannotBe) {
  const auto problem = [](const usb::DeviceInfo& info) {
    const auto functions = FindUsbFunctions(info);
    EXPECT_THAT(functions, SizeIs(1));
    EXPECT_TRUE(IsError(functions[0].problem, ErrorKind::kProbeError));
    return std::string(functions[0].problem.message());
  };
  usb::DeviceInfo info = BulkProbeInfo("1-1", "A");
  auto& endpoints = info.configuration.interfaces[0].endpoints;
  std::swap(endpoints[0], endpoints[1]);
  EXPECT_THAT(problem(info), HasSubstr("interface 1 says that it is CMSIS-DAP, but its endpoints are not"));
  endpoints[0].max_packet = 0;
  EXPECT_THAT(problem(info), HasSubstr("two or three bulk endpoints"));
  endpoints.clear();
  EXPECT_THAT(problem(info), HasSubstr("two or three bulk endpoints"));
  usb::DeviceInfo hid = HidProbeInfo("1-1", "A");
  hid.configuration.interfaces[0].endpoints.clear();
  EXPECT_THAT(problem(hid), HasSubstr("no interrupt endpoint"));
}

}  // namespace
}  // namespace probegate::cmsis_dap
