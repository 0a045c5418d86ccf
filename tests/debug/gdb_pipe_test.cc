#include "debug/gdb_pipe.h"

#include <poll.h>

#include <csignal>

#include "gtest/gtest.h"

namespace probegate {
namespace {

using std::chrono::seconds;

constexpr double kRate = 1000;  // bytes per second

class GdbPipeTest : public testing::Test {
 protected:
  GdbPipeTest() { std::signal(SIGPIPE, SIG_IGN); }

  // Starts a shell in place of gdb.
  Stage Start(const std::string& script) {
    const auto input = pipe.OpenInput();
    EXPECT_TRUE(input.ok()) << input.status();
    auto gdb = Stage::Start("gdb", {.words = {"/bin/sh", "-c", script}, .directory = "/"}, "", input->number());
    EXPECT_TRUE(gdb.ok()) << gdb.status();
    pipe.OpenOutput();
    return *std::move(gdb);
  }
  // Reads until gdb prints something or closes its output.
  bool ReadSome(Stage& gdb) {
    pollfd file{.fd = gdb.output(), .events = POLLIN};
    ::poll(&file, 1, 30'000);
    return pipe.Read(gdb);
  }
  void WaitUntilWritable() const {
    pollfd file{.fd = pipe.input_fd(), .events = POLLOUT};
    ::poll(&file, 1, 30'000);
  }

  MetricSet metric_set;
  DebugMetrics metrics{metric_set};
  GdbPipe pipe{kRate, metrics};
  const GdbPipe::Clock::time_point start = GdbPipe::Clock::now();
};

TEST_F(GdbPipeTest, InputGoesToGdbAndItsAnswerToTheClient) {
  Stage gdb = Start("read line; echo \"got $line\"; cat");
  pipe.SetInput("hello\n");
  EXPECT_FALSE(pipe.has_input());
  EXPECT_LT(pipe.input_fd(), 0);
  ASSERT_TRUE(ReadSome(gdb));
  EXPECT_EQ(pipe.NextOutput(), "got hello\n");
  pipe.CloseInput();
  EXPECT_FALSE(ReadSome(gdb));  // cat has reached the end of the input
  EXPECT_FALSE(pipe.HasOutput());
  EXPECT_EQ(pipe.bytes_in(), 6U);
  EXPECT_EQ(pipe.bytes_out(), 10U);
  EXPECT_EQ(metrics.bytes_in.value(), 6);
  EXPECT_EQ(metrics.bytes_out.value(), 10);
}

TEST_F(GdbPipeTest, InputWaitsUntilGdbReadsIt) {
  constexpr size_t kBytes = 1'000'000;
  Stage gdb = Start("echo ready; read line; exec wc -c");
  pipe.SetInput("go\n" + std::string(kBytes, 'x'));
  EXPECT_TRUE(pipe.has_input());
  while (pipe.has_input()) {
    WaitUntilWritable();
    pipe.WriteInput();
  }
  pipe.CloseInput();
  std::string output;
  while (ReadSome(gdb)) {
    output += pipe.NextOutput().value_or("");
    pipe.OutputTaken();
  }
  EXPECT_EQ(output, "ready\n" + std::to_string(kBytes) + "\n");
}

TEST_F(GdbPipeTest, InputBeforeGdbIsStartedWaits) {
  pipe.SetInput("hello\n");
  EXPECT_TRUE(pipe.has_input());
  EXPECT_LT(pipe.input_fd(), 0);
  Stage gdb = Start("head -n 1");
  EXPECT_GE(pipe.input_fd(), 0);
  pipe.WriteInput();
  ASSERT_TRUE(ReadSome(gdb));
  EXPECT_EQ(pipe.NextOutput(), "hello\n");
}

TEST_F(GdbPipeTest, InputForAGdbThatClosedItIsDropped) {
  Stage gdb = Start("exec <&-; echo closed");
  ASSERT_TRUE(ReadSome(gdb));
  pipe.SetInput("hello\n");
  EXPECT_FALSE(pipe.has_input());
  EXPECT_EQ(pipe.bytes_in(), 0U);
}

TEST_F(GdbPipeTest, GdbIsReadOnlyOnceTheClientHasTakenTheOutputBefore) {
  Stage gdb = Start("echo one; exec cat");
  EXPECT_TRUE(pipe.MayRead(start + seconds(1), false));
  ASSERT_TRUE(ReadSome(gdb));
  EXPECT_FALSE(pipe.MayRead(start + seconds(2), false));
  EXPECT_EQ(pipe.NextOutput(), "one\n");
  EXPECT_FALSE(pipe.MayRead(start + seconds(3), false));
  EXPECT_EQ(pipe.NextOutput(), std::nullopt);
  pipe.OutputTaken();
  EXPECT_TRUE(pipe.MayRead(start + seconds(4), false));
}

TEST_F(GdbPipeTest, TheRateIsBoundedExceptAtTheEnd) {
  EXPECT_FALSE(pipe.MayRead(start + seconds(1), false));  // there is no gdb yet
  Stage gdb = Start("head -c 3000 /dev/zero; exec cat");
  while (pipe.bytes_out() < 3000) ASSERT_TRUE(ReadSome(gdb));
  pipe.NextOutput();
  pipe.OutputTaken();
  // At most a second's worth has been saved up, so that at least 2000 bytes are owed: two seconds' worth.
  EXPECT_TRUE(pipe.IsThrottled());
  EXPECT_FALSE(pipe.MayRead(start + seconds(2), false));
  EXPECT_TRUE(pipe.MayRead(start + seconds(2), true));
  EXPECT_TRUE(pipe.MayRead(start + seconds(5), false));
  EXPECT_FALSE(pipe.IsThrottled());
}

TEST_F(GdbPipeTest, OtherProgramsOutputIsBounded) {
  for (int i = 0; i < 100; ++i) pipe.AddOutput(std::string(10'000, 'x'));
  EXPECT_TRUE(pipe.HasOutput());
  const auto output = pipe.NextOutput();
  ASSERT_TRUE(output);
  EXPECT_GT(output->size(), 60'000U);
  EXPECT_LT(output->size(), 80'000U);
}

}  // namespace
}  // namespace probegate
