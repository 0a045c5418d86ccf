// How interfaces are recognized as probes.
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

TEST(UsbFunctions, FindsSeveralInOneDevice) {
  usb::DeviceInfo info = BulkProbeInfo("1-1", "A");
  info.configuration.interfaces.push_back(info.configuration.interfaces[0]);
  info.configuration.interfaces[0].number = 4;
  const auto functions = FindUsbFunctions(info);
  ASSERT_THAT(functions, SizeIs(2));
  EXPECT_EQ(functions[0].interface, 1);
  EXPECT_EQ(functions[1].interface, 4);
}

TEST(UsbFunctions, AHidInterfaceIsRecognizedByTheProductsNameToo) {
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

TEST(UsbFunctions, TheNameIsRecognizedInEverySpelling) {
  for (const char* name : {"CMSIS-DAP", "CMSIS_DAP", "cmsis-dap", "Cmsis_Dap", "WCH CMSIS-DAP", "CMSIS-DAP_LU",
                           "LPC11U3x CMSIS-DAP v1.0.7", "my cmsis_dap probe"}) {
    for (usb::DeviceInfo info : {BulkProbeInfo("1-1", "A"), HidProbeInfo("1-1", "A")}) {
      info.product = "Thing";
      info.configuration.interfaces[0].name = name;
      EXPECT_THAT(FindUsbFunctions(info), SizeIs(1)) << name;
      info.product = name;
      info.configuration.interfaces[0].name = "Debug";
      EXPECT_THAT(FindUsbFunctions(info), SizeIs(1)) << name;
      EXPECT_TRUE(IsNamedCmsisDap(info)) << name;
    }
  }
  for (const char* name : {"", "CMSIS", "DAP", "CMSIS-DA", "CMSIS.DAP"}) {
    for (usb::DeviceInfo info : {BulkProbeInfo("1-1", "A"), HidProbeInfo("1-1", "A")}) {
      info.product = info.configuration.interfaces[0].name = name;
      EXPECT_THAT(FindUsbFunctions(info), IsEmpty()) << name;
      EXPECT_FALSE(IsNamedCmsisDap(info)) << name;
    }
  }
}

// The first interface of a device with a version 2 interface, or of one with a version 1 interface, as interface
// `number` with this name.
usb::Interface Numbered(const usb::DeviceInfo& device, uint8_t number, const std::string& name) {
  usb::Interface interface = device.configuration.interfaces[0];
  interface.number = number;
  interface.name = name;
  return interface;
}

struct ChoiceRow {
  std::vector<usb::Interface> interfaces;
  UsbChoice choice;
  std::vector<int> expected;  // the interfaces' numbers
};

void ExpectChoices(const char* product, const std::vector<ChoiceRow>& rows) {
  for (size_t row = 0; row < rows.size(); ++row) {
    usb::DeviceInfo info = BulkProbeInfo("1-1", "A");
    info.product = product;
    info.configuration.interfaces = rows[row].interfaces;
    std::vector<int> numbers;
    for (const UsbFunction& function : FindUsbFunctions(info, rows[row].choice)) numbers.push_back(function.interface);
    EXPECT_EQ(numbers, rows[row].expected) << product << ", row " << row;
  }
}

TEST(UsbFunctions, AnInterfaceWithTheNameIsPreferredToOneWithout) {
  const usb::DeviceInfo bulk = BulkProbeInfo("1-1", "A");
  const usb::DeviceInfo hid = HidProbeInfo("1-1", "A");
  const usb::Interface other = Numbered(bulk, 0, "WebUSB");
  usb::Interface own_protocol = Numbered(bulk, 4, "ADB");
  own_protocol.subclass = 0x42;
  usb::Interface no_endpoints = Numbered(bulk, 5, "");
  no_endpoints.endpoints.clear();
  ExpectChoices("A CMSIS-DAP probe", {
                                         {{other, Numbered(bulk, 1, "CMSIS-DAP v2")}, {}, {1}},
                                         {{other, Numbered(hid, 1, "CMSIS-DAP v1")}, {}, {1}},
                                         {{other, Numbered(hid, 1, "Debug")}, {}, {0}},
                                         {{own_protocol, Numbered(bulk, 6, "Debug")}, {}, {6}},
                                         {{own_protocol}, {}, {4}},
                                         {{no_endpoints, Numbered(hid, 6, "")}, {}, {6}},
                                         {{no_endpoints}, {}, {}},
                                     });
}

TEST(UsbFunctions, AnInterfaceWithTheNameButNoEndpointsIsForAnotherPurpose) {
  const usb::DeviceInfo bulk = BulkProbeInfo("1-1", "A");
  const usb::DeviceInfo hid = HidProbeInfo("1-1", "A");
  usb::Interface web = Numbered(bulk, 5, "WebUSB: CMSIS-DAP");
  web.endpoints.clear();
  ExpectChoices("DAPLink", {
                               {{Numbered(bulk, 1, "CMSIS-DAP v2"), web}, {}, {1}},
                               {{web, Numbered(hid, 6, "CMSIS-DAP v1")}, {}, {6}},
                               {{web}, {}, {5}},
                           });
}

TEST(UsbFunctions, ASettingNamesTheDeviceOrItsVersion) {
  const usb::DeviceInfo bulk = BulkProbeInfo("1-1", "A");
  const usb::DeviceInfo hid = HidProbeInfo("1-1", "A");
  const UsbChoice known{.is_probe = true};
  const UsbChoice v1{.version = DapVersion::kV1};
  const UsbChoice v2{.version = DapVersion::kV2};
  const UsbChoice known_v1{.is_probe = true, .version = DapVersion::kV1};
  ExpectChoices("Thing", {
                             {{Numbered(bulk, 0, "")}, {}, {}},
                             {{Numbered(bulk, 0, "")}, known, {0}},
                             {{Numbered(hid, 1, "")}, known, {1}},
                             {{Numbered(hid, 1, ""), Numbered(bulk, 2, "")}, known, {2}},
                             {{Numbered(hid, 1, ""), Numbered(bulk, 2, "")}, known_v1, {1}},
                             {{Numbered(hid, 1, "CMSIS-DAP"), Numbered(bulk, 2, "CMSIS-DAP")}, v1, {1}},
                             {{Numbered(hid, 1, "CMSIS-DAP"), Numbered(bulk, 2, "CMSIS-DAP")}, v2, {2}},
                             {{Numbered(hid, 1, "CMSIS-DAP")}, v2, {}},
                             {{Numbered(bulk, 2, "CMSIS-DAP")}, known_v1, {}},
                         });
}

TEST(UsbFunctions, AnInterfaceWithTheNameMayHaveNoClass) {
  usb::DeviceInfo info = BulkProbeInfo("1-1", "A");
  info.configuration.interfaces[0].interface_class = usb::kClassNone;
  EXPECT_THAT(FindUsbFunctions(info), SizeIs(1));
  info.configuration.interfaces[0].name = "KitProg3 bridge";
  EXPECT_THAT(FindUsbFunctions(info), IsEmpty());
}

// A report descriptor with this usage page, and reports of `size` bytes in each direction.
std::vector<uint8_t> Reports(uint16_t page, uint8_t size) {
  return {0x06,
          static_cast<uint8_t>(page),
          static_cast<uint8_t>(page >> 8),
          0x09,
          0x01,
          0xA1,
          0x01,
          0x75,
          0x08,
          0x95,
          size,
          0x81,
          0x02,
          0x91,
          0x02,
          0xC0};
}
const std::vector<uint8_t> kBroken = {0x75};

// A device with HID interfaces 0, 1, … that have these report descriptors. Empty: the system does not know it.
usb::DeviceInfo HidDevice(const std::vector<std::vector<uint8_t>>& descriptors, bool named) {
  usb::DeviceInfo info = HidProbeInfo("1-1", "A");
  usb::Interface interface = info.configuration.interfaces[0];
  if (!named) interface.name = "Something";
  info.configuration.interfaces.clear();
  for (const auto& descriptor : descriptors) {
    interface.number = static_cast<uint8_t>(info.configuration.interfaces.size());
    interface.report_descriptor = descriptor;
    info.configuration.interfaces.push_back(interface);
  }
  return info;
}

// The interfaces' numbers. An interface n that cannot be used appears as -n - 1.
std::vector<int> Numbers(const std::vector<UsbFunction>& functions) {
  std::vector<int> numbers;
  for (const UsbFunction& function : functions) {
    numbers.push_back(function.problem.ok() ? function.interface : -function.interface - 1);
  }
  return numbers;
}

TEST(UsbFunctions, AHidInterfaceIsChosenByItsReports) {
  const auto keyboard = Reports(0x0001, 8);
  const auto bootloader = Reports(0xFFA0, 8);
  const auto dap = Reports(0xFF00, 64);
  const std::vector<uint8_t> unknown;
  struct Row {
    std::vector<std::vector<uint8_t>> interfaces;
    std::vector<int> named;
    std::vector<int> by_product;
  };
  for (const Row& row :
       {Row{{keyboard, bootloader, dap}, {2}, {2}}, Row{{dap, keyboard}, {0}, {0}}, Row{{dap, dap}, {0, 1}, {0}},
        Row{{unknown, dap}, {0, 1}, {1}}, Row{{keyboard, unknown, unknown}, {1, 2}, {1}},
        Row{{kBroken, dap}, {-1, 1}, {1}}, Row{{kBroken, unknown}, {-1, 1}, {1}},
        Row{{keyboard, bootloader}, {-1, -2}, {-1}}, Row{{kBroken}, {-1}, {-1}}}) {
    EXPECT_EQ(Numbers(FindUsbFunctions(HidDevice(row.interfaces, true))), row.named);
    EXPECT_EQ(Numbers(FindUsbFunctions(HidDevice(row.interfaces, false))), row.by_product);
  }
  const auto functions = FindUsbFunctions(HidDevice({keyboard, unknown, unknown}, false));
  EXPECT_EQ(Numbers(functions[0].others), std::vector<int>{2});
}

TEST(UsbFunctions, TheErrorSaysWhyReportsAreUnusable) {
  const auto problem = [](const std::vector<uint8_t>& descriptor) {
    return std::string(FindUsbFunctions(HidDevice({descriptor}, true)).at(0).problem.message());
  };
  EXPECT_THAT(problem(Reports(0x0001, 64)), HasSubstr("usage page 0x0001, which is not vendor-defined"));
  EXPECT_THAT(problem(Reports(0xFF00, 8)), HasSubstr("8 bytes in and 8 out"));
  EXPECT_THAT(problem(kBroken), HasSubstr("malformed HID report descriptor"));
  std::vector<uint8_t> numbered = Reports(0xFF00, 64);
  numbered.insert(numbered.begin(), {0x85, 0x01});
  EXPECT_THAT(problem(numbered), HasSubstr("are numbered"));
}

TEST(UsbFunctions, OtherInterfacesAreNotProbes) {
  usb::DeviceInfo keyboard = HidProbeInfo("1-1", "A");
  keyboard.configuration.interfaces[0].subclass = 1;  // with a boot protocol
  EXPECT_THAT(FindUsbFunctions(keyboard), IsEmpty());
  usb::DeviceInfo alternate = BulkProbeInfo("1-1", "A");
  alternate.configuration.interfaces[0].alternate = 1;
  EXPECT_THAT(FindUsbFunctions(alternate), IsEmpty());
  usb::DeviceInfo other = BulkProbeInfo("1-1", "A");
  other.product = "DAPLink";
  other.configuration.interfaces[0].name = "WebUSB: CMSIS";
  EXPECT_THAT(FindUsbFunctions(other), IsEmpty());
}

TEST(UsbFunctions, AnInterfaceThatFalselyClaimsToBeAProbeHasAProblem) {
  const auto problem = [](const usb::DeviceInfo& info) {
    const auto functions = FindUsbFunctions(info);
    EXPECT_THAT(functions, SizeIs(1));
    EXPECT_TRUE(IsError(functions[0].problem, ErrorKind::kProbeError));
    return std::string(functions[0].problem.message());
  };
  usb::DeviceInfo info = BulkProbeInfo("1-1", "A");
  auto& endpoints = info.configuration.interfaces[0].endpoints;
  std::swap(endpoints[0], endpoints[1]);
  EXPECT_THAT(problem(info), HasSubstr("interface 1 claims to be CMSIS-DAP, but its endpoints are not"));
  endpoints[0].max_packet = 0;
  EXPECT_THAT(problem(info), HasSubstr("two or three bulk endpoints"));
  endpoints.clear();
  EXPECT_THAT(problem(info), HasSubstr("two or three bulk endpoints"));
  usb::DeviceInfo hid = HidProbeInfo("1-1", "A");
  hid.configuration.interfaces[0].endpoints.clear();
  EXPECT_THAT(problem(hid), HasSubstr("no interrupt IN endpoint"));
}

}  // namespace
}  // namespace probegate::cmsis_dap
