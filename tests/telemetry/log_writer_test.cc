#include "telemetry/log_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/file_descriptor.h"
#include "base/socket.h"
#include "tests/base/bounded_wait.h"

namespace probegate {
namespace {

using testing::EndsWith;
using testing::StartsWith;

std::string Missing(uint64_t lines) { return std::to_string(lines) + " lines are missing\n"; }

// A pipe, of which nothing is read before the test does.
struct Pipe {
  Pipe() : Pipe(Open()) {}

  // Everything up to the end of `last`, or what has come if nothing more comes.
  std::string ReadUntil(const std::string& last) const {
    std::string all;
    char piece[4096];
    while (!all.ends_with(last)) {
      if (WaitFor(read_end.number(), POLLIN, std::chrono::steady_clock::now() + kWaitBound) != 0) break;
      const ssize_t got = ::read(read_end.number(), piece, sizeof(piece));
      if (got <= 0) break;
      all.append(piece, static_cast<size_t>(got));
    }
    return all;
  }

  FileDescriptor read_end;
  FileDescriptor write_end;

 private:
  struct Ends {
    int numbers[2];
  };
  static Ends Open() {
    Ends ends{};
    EXPECT_EQ(::pipe2(ends.numbers, O_CLOEXEC), 0);
    return ends;
  }
  explicit Pipe(const Ends& ends) : read_end(ends.numbers[0]), write_end(ends.numbers[1]) {}
};

std::string Line(int number) { return "line " + std::to_string(number) + " " + std::string(100, '.') + "\n"; }

TEST(LogWriter, WritesLinesInTheirOrder) {
  const Pipe pipe;
  LogWriter writer(pipe.write_end.number(), Missing);
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    writer.Write(Line(i));
    expected += Line(i);
  }
  EXPECT_EQ(pipe.ReadUntil(Line(99)), expected);
  EXPECT_EQ(writer.dropped(), 0);
}

TEST(LogWriter, TheDestructorWaitsUntilAllIsWritten) {
  const Pipe pipe;
  std::string expected;
  {
    LogWriter writer(pipe.write_end.number(), Missing);
    for (int i = 0; i < 100; ++i) {
      writer.Write(Line(i));
      expected += Line(i);
    }
  }
  ::fcntl(pipe.read_end.number(), F_SETFL, O_NONBLOCK);
  EXPECT_EQ(pipe.ReadUntil(Line(99)), expected);
}

TEST(LogWriter, IfNobodyReadsItDropsCountsAndTells) {
  const Pipe pipe;
  LogWriter writer(pipe.write_end.number(), Missing);
  int written = 0;
  while (writer.dropped() < 1000) writer.Write(Line(written++));
  const std::string tells = "lines are missing\n";
  const std::string all = pipe.ReadUntil(tells);
  EXPECT_THAT(all, StartsWith(Line(0) + Line(1)));
  // What is missing is what was written last, and the line about it is in its place.
  const int kept = written - 1000;
  EXPECT_THAT(all, EndsWith(Line(kept - 1) + "1000 lines are missing\n"));
  writer.Write("after it\n");
  EXPECT_EQ(pipe.ReadUntil("after it\n"), "after it\n");
  EXPECT_EQ(writer.dropped(), 1000);
}

TEST(LogWriter, TheDestructorDoesNotWaitForAReaderThatDoesNotRead) {
  static const auto* const pipe = new Pipe;  // the writer's thread uses it until the end of the program
  auto writer = std::make_unique<LogWriter>(pipe->write_end.number(), Missing);
  while (writer->dropped() == 0) writer->Write(Line(0));
  writer.reset();
}

TEST(LogWriter, CountsWhatAFullDiskDoesNotTake) {
  const FileDescriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full.ok());
  LogWriter writer(full.number(), Missing);
  writer.Write("lost\n");
  writer.Write("lost\n");
  AwaitTrue([&writer] { return writer.dropped() == 2; }, "both lines are counted");
}

}  // namespace
}  // namespace probegate
