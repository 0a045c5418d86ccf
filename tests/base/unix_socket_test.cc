#include "base/unix_socket.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <string>
#include <utility>

#include "base/accept_loop.h"
#include "gtest/gtest.h"
#include "tests/base/bounded_wait.h"
#include "tests/base/ignore_refusals.h"
#include "tests/base/other_process.h"

namespace probegate {
namespace {

namespace fs = std::filesystem;

Deadline Soon() { return std::chrono::steady_clock::now() + kWaitBound; }

class UnixSocketTest : public testing::Test {
 protected:
  UnixSocketTest() {
    std::string name = "/tmp/unix-socket-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ / "socket";
  }
  ~UnixSocketTest() override { fs::remove_all(folder_); }

  std::unique_ptr<UnixListener> Listen() {
    auto listener = UnixListener::Listen(path_, "");
    EXPECT_TRUE(listener.ok()) << listener.status();
    return listener.ok() ? *std::move(listener) : nullptr;
  }
  std::string WhyNot(const std::string& group = "") {
    const auto listener = UnixListener::Listen(path_, group);
    return listener.ok() ? "" : std::string(listener.status().message());
  }

  fs::path folder_;
  std::string path_;
};

TEST_F(UnixSocketTest, HasItsModeAndIsRemovedAtTheEnd) {
  auto listener = Listen();
  struct stat status{};
  ASSERT_EQ(::lstat(path_.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 07777, 0660u);
  EXPECT_EQ(ConnectToUnix(path_, Soon()).error, 0);
  listener = nullptr;
  EXPECT_FALSE(fs::exists(fs::symlink_status(path_)));
  EXPECT_EQ(ConnectToUnix(path_, Soon()).error, ENOENT);
}

TEST_F(UnixSocketTest, ReplacesWhatAnEarlierProgramLeft) {
  // A hard link keeps the file of a socket that nobody listens at.
  auto earlier = Listen();
  fs::create_hard_link(path_, folder_ / "kept");
  earlier = nullptr;
  fs::rename(folder_ / "kept", path_);
  ASSERT_EQ(ConnectToUnix(path_, Soon()).error, ECONNREFUSED);
  const auto listener = Listen();
  EXPECT_EQ(ConnectToUnix(path_, Soon()).error, 0);
}

TEST_F(UnixSocketTest, DoesNotReplaceASocketThatIsInUse) {
  const auto listener = Listen();
  EXPECT_EQ(WhyNot(), "Address already in use");
  EXPECT_EQ(ConnectToUnix(path_, Soon()).error, 0);
}

TEST_F(UnixSocketTest, DoesNotReplaceAnotherFile) {
  std::ofstream(path_) << "precious";
  EXPECT_EQ(WhyNot(), "a file that is not a socket has this name");
  EXPECT_EQ(fs::file_size(path_), 8u);
}

TEST_F(UnixSocketTest, NamesAGroupThatDoesNotExist) {
  EXPECT_EQ(WhyNot("no-such-group"), "there is no group no-such-group (--listen-group)");
  EXPECT_FALSE(fs::exists(fs::symlink_status(path_)));
}

TEST_F(UnixSocketTest, DoesNotRemoveTheSocketOfAnotherProgram) {
  auto listener = Listen();
  fs::remove(path_);
  const auto other = Listen();
  listener = nullptr;
  EXPECT_EQ(ConnectToUnix(path_, Soon()).error, 0);
}

TEST_F(UnixSocketTest, TheAcceptLoopKnowsWhoConnects) {
  IgnoreRefusals observer;
  Quota connections("connections", {.all = 1, .per_client = 1});
  const auto loop = *AcceptLoop::Start(observer);
  struct Seen {
    Peer peer;
    bool own;
  };
  std::promise<Seen> first;
  std::promise<Seen> second;
  std::promise<Seen>* next = &first;
  std::optional<Quota::Grant> place;
  const auto handler = [&](AcceptedConnection connection) {
    if (!connection.own) place = std::move(connection.place);
    std::exchange(next, &second)->set_value({connection.peer, connection.own});
  };
  const auto listener = loop->Listen({path_, 0}, {.name = "test", .connections = connections, .handler = handler});
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_EQ((*listener)->endpoint().ToString(), "unix:" + path_);

  const FileDescriptor client = ConnectFromAnotherProcess(path_);
  ASSERT_TRUE(client.ok());
  const Seen other = Awaited(first.get_future(), "the other process's connection is accepted");
  EXPECT_FALSE(other.own);
  EXPECT_EQ(other.peer.uid, ::geteuid());
  EXPECT_EQ(other.peer.client, "uid " + std::to_string(::geteuid()));
  EXPECT_EQ(connections.taken_by(other.peer.client), 1u);

  const OpenedSocket own = ConnectToUnix(path_, Soon());
  ASSERT_EQ(own.error, 0);
  const Seen self = Awaited(second.get_future(), "the program's own connection is accepted, whatever the quota");
  EXPECT_TRUE(self.own);
  EXPECT_EQ(self.peer.client, kOwnClient);
}

}  // namespace
}  // namespace probegate
