#include "gateway/json/big_integer.h"

#include <gtest/gtest.h>

#include <random>

namespace probegate {
namespace {

std::string Decimal(std::string_view bits, size_t bit_count) {
  std::string out;
  AppendBitsAsDecimal(out, bits, bit_count);
  return out;
}

TEST(BigInteger, KnownValues) {
  EXPECT_EQ(DecimalToBits("0", 1), std::string(1, '\0'));
  EXPECT_EQ(DecimalToBits("59294", 16), "\x9E\xE7");
  EXPECT_EQ(DecimalToBits("72057594037927935", 51), "\xFF\xFF\xFF\xFF\xFF\xFF\x07");
  // 2^136 - 1, and the next number, whose carry goes through all words.
  EXPECT_EQ(DecimalToBits("87112285931760246646623899502532662132735", 136), std::string(17, '\xFF'));
  EXPECT_EQ(DecimalToBits("87112285931760246646623899502532662132736", 136), std::string(17, '\0'));
  EXPECT_EQ(Decimal(std::string(17, '\xFF'), 136), "87112285931760246646623899502532662132735");
  EXPECT_EQ(Decimal("", 0), "0");
  EXPECT_EQ(Decimal(std::string("\0\0\0\0\0\xCA\x9A\x3B\0", 9), 72), "4294967296000000000" /* 10^9 * 2^32 */);
}

TEST(BigInteger, SurvivesARoundTrip) {
  std::mt19937 random(3);
  for (const size_t bits : {1, 7, 8, 31, 32, 33, 63, 64, 65, 136, 1000, 65536}) {
    std::string bytes((bits + 7) / 8, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    if (bits % 8 != 0) bytes.back() = static_cast<char>(bytes.back() & ((1 << bits % 8) - 1));
    EXPECT_EQ(DecimalToBits(Decimal(bytes, bits), bits), bytes) << bits;
  }
}

TEST(BigInteger, KeepsTheLowBits) {
  EXPECT_EQ(DecimalToBits("340282366920938463463374607431768211461", 32), std::string("\x05\0\0\0", 4));
  EXPECT_EQ(Decimal("\xFF\xFF", 9), "511");
}

}  // namespace
}  // namespace probegate
