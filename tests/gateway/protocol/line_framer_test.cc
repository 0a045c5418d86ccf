#include "gateway/protocol/line_framer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace probegate {
namespace {

// Feeds `bytes` in pieces of at most `piece`; returns the lines.
std::vector<std::string> Feed(LineFramer& framer, std::string_view bytes, size_t piece) {
  std::vector<std::string> lines;
  while (!bytes.empty()) {
    const auto space = framer.Prepare();
    const size_t size = std::min({piece, space.size, bytes.size()});
    EXPECT_GT(space.size, 0U);
    std::memcpy(space.data, bytes.data(), size);
    framer.Commit(size);
    bytes.remove_prefix(size);
    while (const auto line = framer.Next()) lines.emplace_back(*line);
    if (framer.too_long()) break;
  }
  return lines;
}

TEST(LineFramer, EndsLinesAtLfOnly) {
  for (const size_t piece : {size_t{1}, size_t{3}, size_t{1000}}) {
    LineFramer framer(100);
    EXPECT_EQ(Feed(framer, "a\r\n\nb\rc\nrest", piece), (std::vector<std::string>{"a\r", "", "b\rc"}));
    EXPECT_EQ(framer.TakeRest(), "rest");
    EXPECT_EQ(framer.TakeRest(), std::nullopt);
  }
}

TEST(LineFramer, AcceptsLinesUpToTheBound) {
  for (const size_t bound : {size_t{1}, size_t{4095}, size_t{4096}, size_t{100'000}}) {
    for (const size_t piece : {size_t{997}, size_t{1} << 20}) {
      LineFramer framer(bound);
      const std::string line(bound, 'x');
      EXPECT_EQ(Feed(framer, line + "\n" + line + "\n", piece), (std::vector<std::string>{line, line}));
      EXPECT_FALSE(framer.too_long());
      Feed(framer, line + "x", piece);
      EXPECT_TRUE(framer.too_long());
      EXPECT_EQ(framer.Next(), std::nullopt);
      EXPECT_EQ(framer.TakeRest(), std::nullopt);
    }
  }
}

TEST(LineFramer, DetectsALineThatIsTooLongAfterAGoodOne) {
  LineFramer framer(4);
  EXPECT_EQ(Feed(framer, "good\nbad line\n", 100), std::vector<std::string>{"good"});
  EXPECT_TRUE(framer.too_long());
}

TEST(LineFramer, KeepsManyLinesOfMixedLengthsApart) {
  std::string bytes;
  std::vector<std::string> expected;
  for (size_t i = 0; i < 3000; ++i) {
    expected.push_back(std::string(i * 37 % 9000, static_cast<char>('a' + i % 26)));
    bytes += expected.back() + "\n";
  }
  LineFramer framer(10'000);
  EXPECT_EQ(Feed(framer, bytes, 1500), expected);
}

}  // namespace
}  // namespace probegate
