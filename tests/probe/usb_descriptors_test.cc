// USB descriptors, valid and malformed.
#include "probe/usb/descriptors.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probe/error.h"

namespace probegate::usb {
namespace {

using Bytes = std::vector<uint8_t>;
using testing::HasSubstr;

Bytes Join(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes Configuration_(uint8_t value, const Bytes& rest) {
  return Join({{9, 2, static_cast<uint8_t>(9 + rest.size()), 0, 1, value, 0, 0x80, 250}, rest});
}

const Bytes kInterface = {9, 4, 2, 0, 2, 0xFF, 1, 3, 7};
const Bytes kOut = {7, 5, 0x01, 2, 0x00, 0x02, 0};
const Bytes kIn = {7, 5, 0x81, 3, 0x40, 0x18, 1};  // high bandwidth: bits 12:11 are not part of the size
const Bytes kOfClass = {9, 0x21, 0x11, 1, 0, 1, 0x22, 33, 0};

void ExpectMalformed(const absl::Status& status, const char* what) {
  EXPECT_TRUE(IsError(status, ErrorKind::kProbeError)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(what));
}

TEST(UsbDescriptors, Device) {
  const Bytes bytes = {18, 1, 0, 2, 0, 0, 0, 64, 0x28, 0x0D, 0x04, 0x02, 0x34, 0x12, 1, 2, 3, 1};
  const auto device = ParseDevice(bytes);
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_EQ(device->vendor_id, 0x0D28);
  EXPECT_EQ(device->product_id, 0x0204);
  EXPECT_EQ(device->version, 0x1234);
  EXPECT_EQ(device->manufacturer_index, 1);
  EXPECT_EQ(device->product_index, 2);
  EXPECT_EQ(device->serial_index, 3);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParseDevice(absl::MakeConstSpan(bytes).first(size)).ok()) << size;
  }
}

TEST(UsbDescriptors, FindsTheConfigurationWithTheValue) {
  const Bytes bytes = Join({Configuration_(1, {}), Configuration_(2, Join({kInterface, kOfClass, kOut, kIn}))});
  const auto configuration = ParseConfiguration(bytes, 2);
  ASSERT_TRUE(configuration.ok()) << configuration.status();
  EXPECT_EQ(configuration->value, 2);
  ASSERT_EQ(configuration->interfaces.size(), 1u);
  const Interface& interface = configuration->interfaces[0];
  EXPECT_EQ(interface.number, 2);
  EXPECT_EQ(interface.interface_class, 0xFF);
  EXPECT_EQ(interface.subclass, 1);
  EXPECT_EQ(interface.protocol, 3);
  EXPECT_EQ(interface.name_index, 7);
  ASSERT_EQ(interface.endpoints.size(), 2u);
  EXPECT_EQ(interface.endpoints[0].address, 0x01);
  EXPECT_EQ(interface.endpoints[0].kind, TransferKind::kBulk);
  EXPECT_EQ(interface.endpoints[0].max_packet, 512);
  EXPECT_TRUE(interface.endpoints[1].is_in());
  EXPECT_EQ(interface.endpoints[1].kind, TransferKind::kInterrupt);
  EXPECT_EQ(interface.endpoints[1].max_packet, 64);
  EXPECT_TRUE(ParseConfiguration(bytes, 1)->interfaces.empty());
  ExpectMalformed(ParseConfiguration(bytes, 3).status(), "no configuration 3");
}

TEST(UsbDescriptors, MalformedConfigurationsAreErrors) {
  const Bytes good = Configuration_(1, Join({kInterface, kOut, kIn}));
  const struct {
    const char* what;
    Bytes bytes;
  } kRows[] = {
      {"a configuration's length", Join({{9, 2, 200, 0, 1, 1, 0, 0x80, 250}, kInterface, kOut, kIn})},
      {"a configuration's length", {9, 2, 8, 0, 1, 1, 0, 0x80, 250}},
      {"no configuration where", {9, 4, 9, 0, 1, 1, 0, 0x80, 250}},
      {"no configuration where", {8, 2, 9, 0, 1, 1, 0, 0x80, 250}},
      {"no length and type", Configuration_(1, {0, 0})},
      {"no length and type", Configuration_(1, {1, 4})},
      {"longer than", Configuration_(1, {200, 4, 0})},
      {"interface descriptor is too short", Configuration_(1, {8, 4, 2, 0, 2, 0xFF, 1, 3})},
      {"endpoint descriptor is too short", Configuration_(1, Join({kInterface, {6, 5, 1, 2, 0, 2}}))},
      {"before any interface", Configuration_(1, kOut)},
      {"endpoint 0", Configuration_(1, Join({kInterface, {7, 5, 0x80, 2, 0, 2, 0}}))},
      {"has 1 endpoints and says 2", Configuration_(1, Join({kInterface, kOut}))},
      {"has 3 endpoints and says 2", Configuration_(1, Join({kInterface, kOut, kIn, kIn, kInterface, kOut, kIn}))},
  };
  ASSERT_TRUE(ParseConfiguration(good, 1).ok());
  for (const auto& row : kRows) ExpectMalformed(ParseConfiguration(row.bytes, 1).status(), row.what);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(ParseConfiguration(absl::MakeConstSpan(good).first(size), 1).ok()) << size;
  }
}

TEST(UsbDescriptors, Strings) {
  EXPECT_EQ(*ParseString(Bytes{8, 3, 'A', 0, 0xFC, 0, 0xAC, 0x20}), "A\xC3\xBC\xE2\x82\xAC");
  EXPECT_EQ(*ParseString(Bytes{6, 3, 0x3D, 0xD8, 0x00, 0xDE}), "\xF0\x9F\x98\x80");  // a pair of surrogates
  EXPECT_EQ(*ParseString(Bytes{2, 3}), "");
  for (const Bytes& bytes : {Bytes{}, Bytes{4}, Bytes{4, 3, 'A'}, Bytes{3, 3, 'A'}, Bytes{4, 2, 'A', 0},
                             Bytes{4, 3, 0x3D, 0xD8}, Bytes{4, 3, 0x00, 0xDE}, Bytes{6, 3, 0x3D, 0xD8, 'A', 0}}) {
    EXPECT_TRUE(IsError(ParseString(bytes).status(), ErrorKind::kProbeError)) << bytes.size();
  }
}

TEST(UsbDescriptors, HidReports) {
  // The usual descriptor of a probe: 64 bytes in each direction.
  const Bytes usual = {0x06, 0x00, 0xFF, 0x09, 0x01, 0xA1, 0x01, 0x15, 0x00, 0x26, 0xFF,
                       0x00, 0x75, 0x08, 0x95, 0x40, 0x09, 0x01, 0x81, 0x02, 0x95, 0x40,
                       0x09, 0x01, 0x91, 0x02, 0x95, 0x01, 0x09, 0x01, 0xB1, 0x02, 0xC0};
  const auto sizes = ParseHidReports(usual);
  ASSERT_TRUE(sizes.ok()) << sizes.status();
  EXPECT_EQ(sizes->input, 64u);
  EXPECT_EQ(sizes->output, 64u);
  EXPECT_EQ(sizes->usage_page, 0xFF00);
  // The usage page is that of the first collection, whatever it contains, and may be part of the usage.
  EXPECT_EQ(ParseHidReports(Bytes{0x05, 0x01, 0x09, 0x06, 0xA1, 0x01, 0x05, 0x07, 0xA1, 0x02})->usage_page, 0x0001);
  EXPECT_EQ(ParseHidReports(Bytes{0x05, 0x01, 0x0B, 0x01, 0x00, 0xA0, 0xFF, 0xA1, 0x01})->usage_page, 0xFFA0);
  EXPECT_EQ(ParseHidReports(Bytes{0x05, 0x01})->usage_page, 0);

  const Bytes pushed = {0x75, 0x08, 0x96, 0x00, 0x02, 0xA4, 0x95, 0x01, 0x91, 0x02, 0xB4, 0x81, 0x02};
  EXPECT_EQ(ParseHidReports(pushed)->input, 512u);
  EXPECT_EQ(ParseHidReports(pushed)->output, 1u);

  ExpectMalformed(ParseHidReports(Bytes{0x75}).status(), "in the middle of an item");
  ExpectMalformed(ParseHidReports(Bytes{0xB4}).status(), "pops");
  ExpectMalformed(ParseHidReports(Bytes{0xFE, 0, 0}).status(), "long items");
  ExpectMalformed(ParseHidReports(Bytes(1000, 0xA4)).status(), "pushes too much");
  const Bytes huge = {0x77, 0xFF, 0xFF, 0xFF, 0xFF, 0x97, 0xFF, 0xFF, 0xFF, 0xFF, 0x81, 0x02};
  ExpectMalformed(ParseHidReports(huge).status(), "a report is too long");
  EXPECT_TRUE(ParseHidReports(Bytes{0x85, 0x01})->numbered);
  EXPECT_FALSE(sizes->numbered);
}

}  // namespace
}  // namespace probegate::usb
