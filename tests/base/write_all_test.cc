// Writing all of a text.
#include "base/write_all.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <thread>

#include "base/file_descriptor.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(WriteAll, WaitsUntilANonBlockingFileTakesTheRest) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const FileDescriptor reader(ends[0]);
  ASSERT_EQ(::fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  const std::string text(1 << 20, 'x');  // more than a pipe holds
  size_t written = 0;
  std::thread writer([&written, &text, end = ends[1]] {
    const FileDescriptor file(end);
    written = WriteAll(file.number(), text);
  });
  std::string received;
  std::array<char, 4096> part;
  for (ssize_t size = 0; (size = ::read(reader.number(), part.data(), part.size())) > 0;) {
    received.append(part.data(), static_cast<size_t>(size));
  }
  writer.join();
  EXPECT_EQ(written, text.size());
  EXPECT_TRUE(received == text);
}

TEST(WriteAll, SaysHowMuchWasWrittenBeforeAnError) {
  const FileDescriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(WriteAll(full.number(), "text"), 0u);
  EXPECT_EQ(errno, ENOSPC);
}

}  // namespace
}  // namespace probegate
