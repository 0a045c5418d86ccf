// The last resort for a program that hangs during its shutdown.
#include "base/signals.h"

#include <unistd.h>

#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(ExitWithinDeathTest, EndsAProgramThatHangsWithAnErrorMessage) {
  const auto hang = [] {
    ExitWithin(std::chrono::seconds(1), "the end hangs\n");
    while (true) pause();
  };
  EXPECT_EXIT(hang(), testing::ExitedWithCode(1), "the end hangs");
}

}  // namespace
}  // namespace probegate
