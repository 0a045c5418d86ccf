#include "base/address_range.h"

#include "gtest/gtest.h"

namespace probegate {
namespace {

bool In(const char* range, const char* host) { return AddressRange::Parse(range)->Contains(host); }

TEST(AddressRange, OfOneAddress) {
  EXPECT_TRUE(In("10.0.0.7", "10.0.0.7"));
  EXPECT_TRUE(In("10.0.0.7", "::ffff:10.0.0.7"));
  EXPECT_FALSE(In("10.0.0.7", "10.0.0.8"));
  EXPECT_TRUE(In("fd00::1", "fd00:0::1"));
  EXPECT_FALSE(In("fd00::1", "fd00::2"));
}

TEST(AddressRange, OfANetwork) {
  EXPECT_TRUE(In("10.1.2.3/8", "10.255.0.1"));
  EXPECT_FALSE(In("10.1.2.3/8", "11.0.0.1"));
  EXPECT_TRUE(In("172.16.0.0/12", "172.31.255.255"));
  EXPECT_FALSE(In("172.16.0.0/12", "172.32.0.0"));
  EXPECT_TRUE(In("fe80::/10", "fe80::1%eth0"));
  EXPECT_FALSE(In("fd00::/8", "fe80::1"));
  EXPECT_TRUE(In("0.0.0.0/0", "1.2.3.4"));
  EXPECT_FALSE(In("0.0.0.0/0", "fd00::1"));
  EXPECT_TRUE(In("::/0", "fd00::1"));
}

TEST(AddressRange, ContainsNothingThatIsNotAnAddress) {
  EXPECT_FALSE(In("::/0", "localhost"));
  EXPECT_FALSE(In("::/0", ""));
}

TEST(AddressRange, RefusesAnythingElse) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0", "fd00::/129",
                           "localhost", "10.0.0.1:80", "fe80::1%eth0"}) {
    EXPECT_FALSE(AddressRange::Parse(text)) << text;
  }
}

}  // namespace
}  // namespace probegate
