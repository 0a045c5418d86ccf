#include "cli/memory/hexdump.h"

#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(HexdumpTest, Words) {
  EXPECT_EQ(FormatHexdump(0x20000000, {0x44434241, 0, 0xDEADBEEF, 1, 0x7F20}, 32),
            "20000000:  44434241 00000000 deadbeef 00000001  |ABCD............|\n"
            "20000010:  00007f20                             | ...|\n");
}

TEST(HexdumpTest, NarrowValuesLineUp) {
  EXPECT_EQ(FormatHexdump(0x10, {0x41, 0x7}, 8), "00000010:  41 07                                            |A.|\n");
  EXPECT_EQ(FormatHexdump(0x10, {0x4241}, 16), "00000010:  4241                                     |AB|\n");
}

TEST(HexdumpTest, BytesAreInTheTargetsOrder) {
  EXPECT_EQ(ToBytes({0x04030201}, 32), "\x01\x02\x03\x04");
  EXPECT_EQ(ToBytes({0x0201, 0x0403}, 16), "\x01\x02\x03\x04");
}

}  // namespace
}  // namespace probegate
