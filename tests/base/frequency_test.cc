#include "base/frequency.h"

#include <gtest/gtest.h>

#include <utility>

namespace probegate {
namespace {

TEST(ParseFrequency, TakesWhatPeopleWrite) {
  const std::pair<const char*, uint32_t> rows[] = {{"1", 1},
                                                   {"400000", 400'000},
                                                   {"400k", 400'000},
                                                   {"1m", 1'000'000},
                                                   {"2M", 2'000'000},
                                                   {"1.5M", 1'500'000},
                                                   {"2.3M", 2'300'000},
                                                   {"0.5k", 500},
                                                   {".5kHz", 500},
                                                   {"100Hz", 100},
                                                   {"1.9", 1},
                                                   {"10MHZ", 10'000'000},
                                                   {"25khz", 25'000},
                                                   {"4294967295", UINT32_MAX},
                                                   {"1.000001M", 1'000'001}};
  for (const auto& [text, hertz] : rows) EXPECT_EQ(ParseFrequency(text), hertz) << text;
}

TEST(ParseFrequency, RefusesEverythingElse) {
  for (const char* text : {"",   "k",   "Hz",  "MHz",   ".",          "0",     "0.4",
                           "-1", "+1",  "1e6", "0x10",  "nan",        "inf",   "1 M",
                           " 1", "1kk", "1G",  "1.2.3", "4294967296", "5000M", "99999999999999999999999999"}) {
    EXPECT_EQ(ParseFrequency(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace probegate
