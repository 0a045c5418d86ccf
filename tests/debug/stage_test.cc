#include "debug/stage.h"

#include <poll.h>

#include <vector>

#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(MatchPortTest, FindsTheNumber) {
  EXPECT_EQ(MatchPort("0000569 I GDB server listening on port 45311 (core 0)", "listening on port {port}"), 45311);
  EXPECT_EQ(MatchPort("at 7!", "at {port}!"), 7);
  EXPECT_EQ(MatchPort("at 7?", "at {port}!"), std::nullopt);
  EXPECT_EQ(MatchPort("at 0!", "at {port}!"), std::nullopt);
  EXPECT_EQ(MatchPort("at 65536!", "at {port}!"), std::nullopt);
  EXPECT_EQ(MatchPort("at x", "at {port}"), std::nullopt);
  EXPECT_EQ(MatchPort("at ", "at {port}"), std::nullopt);
  EXPECT_EQ(MatchPort("at 7", ""), std::nullopt);
  // Inside a JSON string the quotes are escaped, so it does not match.
  EXPECT_EQ(MatchPort(R"({"message":"\"port\":1","port":28755})", "\"port\":{port}"), 28755);
}

TEST(LineTailTest, KeepsALimitedNumberOfLastLines) {
  LineTail tail;
  std::vector<std::string> lines;
  const auto note = [&lines](const std::string& line) { lines.push_back(line); };
  tail.Add("one\ntw", note);
  tail.Add("o\nth\x01\xff", note);
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(tail.Text(), "one\ntwo\nth??");
  for (int i = 0; i < 100; ++i) tail.Add("\n" + std::to_string(i), nullptr);
  EXPECT_EQ(tail.Text().substr(0, 6), "91\n92\n");
  tail.Add(std::string(1 << 20, 'x'), nullptr);
  EXPECT_LT(tail.Text().size(), 400U);
}

TEST(StageTest, IsNotPolledAfterTheEndOfItsOutput) {
  auto stage = Stage::Start("tool", {.words = {"/bin/sh", "-c", "exec sleep 3600 >&- 2>&-"}, .directory = "/"}, "", -1);
  ASSERT_TRUE(stage.ok()) << stage.status();
  pollfd file{.fd = stage->output(), .events = POLLIN};
  ASSERT_EQ(::poll(&file, 1, 30'000), 1);
  std::string bytes;
  EXPECT_FALSE(stage->Read(bytes));
  EXPECT_LT(stage->output(), 0);
  EXPECT_FALSE(stage->Read(bytes));
  EXPECT_EQ(stage->process().TryWait(), std::nullopt);
}

}  // namespace
}  // namespace probegate
