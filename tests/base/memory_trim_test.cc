// Giving back memory that the allocator holds unused.
#include "base/memory_trim.h"

#include <malloc.h>

#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "tests/base/bounded_wait.h"

namespace probegate {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

TEST(TrimRule, IsDueOnceEnoughMoreIsUnused) {
  TrimRule rule(3 * kMiB, 8 * kMiB);
  EXPECT_FALSE(rule.IsDue(3 * kMiB));
  EXPECT_FALSE(rule.IsDue(11 * kMiB - 1));
  EXPECT_TRUE(rule.IsDue(11 * kMiB));
}

TEST(TrimRule, IsNotDueWhileWhatIsUnusedIsTheSame) {
  TrimRule rule(100 * kMiB, 8 * kMiB);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(rule.IsDue(100 * kMiB)) << "although much is unused";
}

TEST(TrimRule, CountsFromTheLastTrim) {
  TrimRule rule(0, 8 * kMiB);
  EXPECT_TRUE(rule.IsDue(50 * kMiB));
  rule.OnTrimmed(40 * kMiB);
  EXPECT_FALSE(rule.IsDue(47 * kMiB));
  EXPECT_TRUE(rule.IsDue(48 * kMiB));
}

TEST(TrimRule, IsDueAgainAfterUnusedMemoryWasUsedAndFreed) {
  TrimRule rule(40 * kMiB, 8 * kMiB);
  EXPECT_FALSE(rule.IsDue(5 * kMiB)) << "it is in use";
  EXPECT_TRUE(rule.IsDue(40 * kMiB));
}

// Freeing does not make the program grow, so its size alone would not show that there is something to give back.
TEST(MemoryTrim, GivesBackWhatWasInUseWhenItBegan) {
  constexpr size_t kBlock = 1024;
  const size_t before = ::mallinfo2().uordblks;
  std::vector<std::unique_ptr<char[]>> blocks;
  for (size_t i = 0; i < 32 * kMiB / kBlock; ++i) {
    blocks.push_back(std::make_unique<char[]>(kBlock));
    std::memset(blocks.back().get(), 1, kBlock);
  }
  if (::mallinfo2().uordblks < before + 32 * kMiB) GTEST_SKIP() << "the program has another allocator than glibc's";
  const MemoryTrim trim(std::chrono::milliseconds(1), 8 * kMiB);
  const size_t full = ResidentBytes();
  // The allocator gives back the end of the heap without being asked, but not what lies before a block in use.
  blocks.erase(blocks.begin(), blocks.end() - 1);
  AwaitTrue([full] { return ResidentBytes() + 16 * kMiB < full; }, "unused memory is given back");
}

}  // namespace
}  // namespace probegate
