// The last resort of a program that hangs while it ends.
#include "base/signals.h"

#include <unistd.h>

#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(ExitWithinDeathTest, AProgramThatHangsEndsWithAnErrorAndSaysSo) {
  const auto hang = [] {
    ExitWithin(std::chrono::seconds(1), "the end hangs\n");
    while (true) pause();
  };
  EXPECT_EXIT(hang(), testing::ExitedWithCode(1), "the end hangs");
}

}  // namespace
}  // namespace probegate
