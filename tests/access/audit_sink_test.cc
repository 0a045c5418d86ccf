#include "access/audit_sink.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/file_descriptor.h"
#include "tests/access/folder.h"

namespace probegate {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

TEST(FileSink, AppendsToAFileThatOthersCannotRead) {
  const Folder folder;
  const std::string path = folder.path() + "/audit";
  ::umask(0);
  for (const char* const line : {"1\n", "2\n"}) {
    const auto sink = OpenAuditSink(path, "test");
    ASSERT_TRUE(sink.ok()) << sink.status();
    EXPECT_TRUE((*sink)->Write(line).ok());
  }
  ::umask(022);
  EXPECT_EQ(Content(path), "1\n2\n");
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640);
}

TEST(FileSink, FollowsARotation) {
  const Folder folder;
  const std::string path = folder.path() + "/audit";
  const auto sink = OpenAuditSink(path, "test");
  ASSERT_TRUE(sink.ok()) << sink.status();
  EXPECT_TRUE((*sink)->Write("1\n").ok());
  std::filesystem::rename(path, path + ".1");
  EXPECT_TRUE((*sink)->Write("2\n").ok());
  EXPECT_TRUE((*sink)->Reopen().ok());
  EXPECT_TRUE((*sink)->Write("3\n").ok());
  EXPECT_EQ(Content(path + ".1"), "1\n2\n");
  EXPECT_EQ(Content(path), "3\n");
}

TEST(FileSink, KeepsTheOldFileIfTheNewOneCannotBeOpened) {
  const Folder folder;
  const std::string path = folder.path() + "/audit";
  const auto sink = OpenAuditSink(path, "test");
  ASSERT_TRUE(sink.ok()) << sink.status();
  std::filesystem::rename(path, path + ".1");
  std::filesystem::create_directory(path);
  EXPECT_FALSE((*sink)->Reopen().ok());
  EXPECT_TRUE((*sink)->Write("1\n").ok());
  EXPECT_EQ(Content(path + ".1"), "1\n");
}

TEST(FileSink, SaysWhyItCannotBeWritten) {
  const auto sink = OpenAuditSink("/dev/full", "test");
  ASSERT_TRUE(sink.ok()) << sink.status();
  EXPECT_THAT(std::string((*sink)->Write("1\n").message()), HasSubstr("cannot write /dev/full: No space left"));
}

TEST(FileSink, MustBeAFile) {
  const Folder folder;
  EXPECT_EQ(OpenAuditSink(folder.path() + "/none/audit", "test").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(OpenAuditSink(folder.path(), "test").ok());
  const std::string fifo = folder.path() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const FileDescriptor reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  EXPECT_FALSE(OpenAuditSink(fifo, "test").ok());
}

// A daemon's socket.
class Syslog {
 public:
  explicit Syslog(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::memcpy(address.sun_path, path.data(), path.size());
    EXPECT_EQ(::bind(socket_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  std::string Receive() const {
    char message[1024];
    const ssize_t size = ::recv(socket_.number(), message, sizeof message, MSG_DONTWAIT);
    return size < 0 ? "" : std::string(message, static_cast<size_t>(size));
  }

 private:
  const FileDescriptor socket_;
};

TEST(SyslogSink, SendsMessages) {
  const Folder folder;
  const std::string path = folder.path() + "/log";
  const Syslog daemon(path);
  const auto sink = MakeSyslogSink(path, "probegate-server");
  ASSERT_TRUE(sink->Write("{\"a\":1}\n").ok());
  EXPECT_THAT(daemon.Receive(), MatchesRegex("<85>[A-Z][a-z][a-z] [ 0-9][0-9] ..:..:.. probegate-server\\[[0-9]+\\]: "
                                             "\\{\"a\":1\\}"));
}

TEST(SyslogSink, FollowsARestartOfTheDaemon) {
  const Folder folder;
  const std::string path = folder.path() + "/log";
  const auto sink = MakeSyslogSink(path, "test");
  EXPECT_THAT(std::string(sink->Write("1\n").message()), HasSubstr("cannot connect to syslog at " + path));
  {
    const Syslog daemon(path);
    EXPECT_TRUE(sink->Write("2\n").ok());
  }
  EXPECT_FALSE(sink->Write("3\n").ok());
  std::filesystem::remove(path);
  const Syslog daemon(path);
  EXPECT_TRUE(sink->Write("3\n").ok());
  EXPECT_THAT(daemon.Receive(), testing::EndsWith(": 3"));
}

}  // namespace
}  // namespace probegate
