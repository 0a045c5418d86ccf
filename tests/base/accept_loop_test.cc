// Connections on this machine's loopback. All addresses in 127.0.0.0/8 are clients of their own.
#include "base/accept_loop.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/open_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/base/bounded_wait.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Deadline Soon() { return std::chrono::steady_clock::now() + kWaitBound; }

SocketAddress At(const std::string& host, uint16_t port) { return Resolve({host, port}).addresses.at(0); }

class Refusals : public AcceptObserver {
 public:
  void OnRefused(const std::string& listener, const Peer& peer, std::string_view why) override {
    MutexLock lock(mutex_);
    lines_.push_back(absl::StrCat(listener, ", ", peer.client, ": ", std::string(why)));
  }
  void OnAcceptFailed(const std::string& listener, int error) override {
    MutexLock lock(mutex_);
    failures_.push_back(absl::StrCat(listener, ": ", ErrorText(error)));
  }
  std::vector<std::string> lines() const {
    MutexLock lock(mutex_);
    return lines_;
  }
  std::vector<std::string> failures() const {
    MutexLock lock(mutex_);
    return failures_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> failures_ ABSL_GUARDED_BY(mutex_);
};

// Keeps what a listener accepts.
class Accepted {
 public:
  AcceptLoop::Handler handler() {
    return [this](AcceptedConnection connection) {
      MutexLock lock(mutex_);
      connections_.push_back(std::move(connection));
    };
  }
  size_t size() const {
    MutexLock lock(mutex_);
    return connections_.size();
  }
  Peer peer(size_t i) const {
    MutexLock lock(mutex_);
    return connections_.at(i).peer;
  }
  int socket(size_t i) const {
    MutexLock lock(mutex_);
    return connections_.at(i).socket.number();
  }
  void Await(size_t count) const {
    AwaitTrue([&] { return size() >= count; }, "connections are accepted");
  }
  void Close() {
    MutexLock lock(mutex_);
    connections_.clear();
  }

 private:
  mutable Mutex mutex_;
  std::vector<AcceptedConnection> connections_ ABSL_GUARDED_BY(mutex_);
};

class AcceptLoopTest : public testing::Test {
 protected:
  std::unique_ptr<AcceptLoop::Listener> Listen(const std::string& host, Quota& quota, uint16_t port = 0) {
    auto listener = loop_->Listen(
        {host, port}, {.name = "test", .connections = quota, .handler = accepted_.handler(), .refused = refused_});
    EXPECT_TRUE(listener.ok()) << listener.status();
    return listener.ok() ? *std::move(listener) : nullptr;
  }

  // The limits of this test.
  Quota& Allow(const QuotaLimits& limits) { return quota_.emplace("connections", limits); }

  Refusals refusals_;
  std::optional<Quota> quota_;
  Accepted accepted_;
  AcceptLoop::RefusedHandler refused_;
  std::unique_ptr<AcceptLoop> loop_ = *AcceptLoop::Start(refusals_);
};

// A connection from `source`, such as 127.0.0.2.
OpenedSocket ConnectFrom(const std::string& source, const SocketAddress& to) {
  FileDescriptor socket(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const SocketAddress from = At(source, 0);
  if (::bind(socket.number(), from.get(), from.size()) != 0) return {.socket = FileDescriptor(-1), .error = errno};
  if (::connect(socket.number(), to.get(), to.size()) != 0) return {.socket = FileDescriptor(-1), .error = errno};
  return {.socket = std::move(socket)};
}

// How the other end closed the connection: 0 or ECONNRESET. A reset may come so soon that connecting fails.
int AwaitEnd(const OpenedSocket& connection) {
  if (connection.error != 0) return connection.error;
  std::string bytes;
  for (;;) {
    const Received received = Receive(connection.socket.number(), bytes, Soon());
    if (received.error != 0 || received.size == 0) return received.error;
  }
}

// Whether the peer has ended or reset the connection.
bool HasEnded(const OpenedSocket& connection) {
  char byte = 0;
  const ssize_t size = ::recv(connection.socket.number(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size == 0 || (size < 0 && errno != EAGAIN);
}

TEST_F(AcceptLoopTest, HandsConnectionsOverWithTheirPeer) {
  Quota& quota = Allow({.all = 4, .per_client = 4});
  const auto listener = Listen("127.0.0.1", quota);
  EXPECT_NE(listener->endpoint().port, 0);
  EXPECT_EQ(listener->endpoint().host, "127.0.0.1");
  const OpenedSocket client = ConnectFrom("127.0.0.5", At("127.0.0.1", listener->endpoint().port));
  ASSERT_EQ(client.error, 0);
  accepted_.Await(1);
  EXPECT_EQ(accepted_.peer(0).host, "127.0.0.5");
  EXPECT_EQ(accepted_.peer(0).client, "127.0.0.5");
  EXPECT_THAT(accepted_.peer(0).address, testing::StartsWith("127.0.0.5:"));
  EXPECT_EQ(::fcntl(accepted_.socket(0), F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  EXPECT_EQ(::fcntl(accepted_.socket(0), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_EQ(quota.taken_by("127.0.0.5"), 1u);
  accepted_.Close();
  EXPECT_EQ(quota.taken_by("127.0.0.5"), 0u);
}

TEST_F(AcceptLoopTest, ResetsWhatExceedsTheShareOfAClient) {
  Quota& quota = Allow({.all = 10, .per_client = 2});
  const auto listener = Listen("127.0.0.1", quota);
  const SocketAddress at = At("127.0.0.1", listener->endpoint().port);
  std::vector<OpenedSocket> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(ConnectFrom("127.0.0.2", at));
  EXPECT_EQ(AwaitEnd(clients[2]), ECONNRESET);
  EXPECT_THAT(refusals_.lines(), ElementsAre("test, 127.0.0.2: the limit for the connections of one client is 2, and "
                                             "127.0.0.2 has 2"));
  const OpenedSocket other = ConnectFrom("127.0.0.3", at);
  accepted_.Await(3);
  EXPECT_EQ(accepted_.peer(2).client, "127.0.0.3") << "another client is not affected";

  accepted_.Close();
  const OpenedSocket again = ConnectFrom("127.0.0.2", at);
  accepted_.Await(1);
}

TEST_F(AcceptLoopTest, ResetsWhatExceedsTheLimitForAll) {
  Quota& quota = Allow({.all = 2, .per_client = 2});
  const auto listener = Listen("127.0.0.1", quota);
  const SocketAddress at = At("127.0.0.1", listener->endpoint().port);
  const OpenedSocket first = ConnectFrom("127.0.0.2", at);
  const OpenedSocket second = ConnectFrom("127.0.0.3", at);
  const OpenedSocket third = ConnectFrom("127.0.0.4", at);
  EXPECT_EQ(AwaitEnd(third), ECONNRESET);
  EXPECT_THAT(refusals_.lines(), ElementsAre(HasSubstr("of all clients together is 2")));
}

TEST_F(AcceptLoopTest, AListenerMayAnswerWhatExceedsTheQuota) {
  Quota& quota = Allow({.all = 0, .per_client = 0});
  refused_ = [](AcceptedConnection connection, const absl::Status& why) {
    EXPECT_FALSE(connection.place);
    SendAll(connection.socket.number(), std::string(why.message()), Soon());
  };
  const auto listener = Listen("127.0.0.1", quota);
  const OpenedSocket client = ConnectTo(At("127.0.0.1", listener->endpoint().port), Soon());
  std::string answer;
  while (Receive(client.socket.number(), answer, Soon()).size > 0) {
  }
  EXPECT_THAT(answer, HasSubstr("the limit for the connections"));
}

TEST_F(AcceptLoopTest, AnExpectedConnectionIsAcceptedWhateverTheQuota) {
  Quota& quota = Allow({.all = 0, .per_client = 0});
  const auto listener = Listen("127.0.0.1", quota);
  const SocketAddress at = At("127.0.0.1", listener->endpoint().port);
  const OpenedSocket own = BindAt(At("127.0.0.1", 0));
  listener->Expect(LocalEndpoint(own.socket.number()));
  ASSERT_EQ(ConnectSocket(own.socket.number(), at, Soon()), 0);
  accepted_.Await(1);
  EXPECT_EQ(quota.usage().taken, 1u);
  const OpenedSocket other = ConnectTo(at, Soon());
  EXPECT_EQ(AwaitEnd(other), ECONNRESET);
}

TEST_F(AcceptLoopTest, NothingIsAcceptedOnceTheListenerHasGone) {
  Quota& quota = Allow({.all = 100, .per_client = 100});
  auto listener = Listen("127.0.0.1", quota);
  const auto other = Listen("127.0.0.1", quota);
  const uint16_t port = listener->endpoint().port;
  const SocketAddress at = At("127.0.0.1", port);
  const OpenedSocket client = ConnectTo(at, Soon());
  accepted_.Await(1);
  listener.reset();
  EXPECT_EQ(ConnectTo(at, Soon()).error, ECONNREFUSED);
  const auto same_port = Listen("127.0.0.1", quota, port);
  ASSERT_NE(same_port, nullptr) << "the port is free again";
  const OpenedSocket next = ConnectTo(At("127.0.0.1", other->endpoint().port), Soon());
  accepted_.Await(2);
}

// Listeners come and go while connections arrive, so that ThreadSanitizer sees both.
TEST_F(AcceptLoopTest, ListenersComeAndGoUnderLoad) {
  Quota& quota = Allow({.all = 8, .per_client = 8});
  const auto stays = Listen("127.0.0.1", quota);
  for (int i = 0; i < 50; ++i) {
    const auto goes = Listen("127.0.0.1", quota);
    const OpenedSocket one = ConnectTo(At("127.0.0.1", goes->endpoint().port), Soon());
    const OpenedSocket two = ConnectTo(At("127.0.0.1", stays->endpoint().port), Soon());
    accepted_.Await(1);
    accepted_.Close();
  }
}

TEST_F(AcceptLoopTest, APortHasOneListener) {
  Quota& quota = Allow({.all = 8, .per_client = 8});
  const auto listener = Listen("127.0.0.1", quota);
  const auto second = loop_->Listen(
      listener->endpoint(), {.name = "second", .connections = quota, .handler = accepted_.handler(), .refused = {}});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(second.status().message(), ErrorText(EADDRINUSE));
}

TEST_F(AcceptLoopTest, SaysWhyItCannotListen) {
  Quota& quota = Allow({.all = 8, .per_client = 8});
  const auto foreign =
      loop_->Listen({"192.0.2.1", 0}, {.name = "x", .connections = quota, .handler = {}, .refused = {}});
  EXPECT_EQ(foreign.status().message(), ErrorText(EADDRNOTAVAIL));
  const auto unknown =
      loop_->Listen({"no such host", 0}, {.name = "x", .connections = quota, .handler = {}, .refused = {}});
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kUnavailable);
}

bool HasIpv6() { return ListenAt(At("::1", 0)).error == 0; }

TEST_F(AcceptLoopTest, AnEmptyHostStandsForAllAddressesOfBothFamilies) {
  if (!HasIpv6()) GTEST_SKIP() << "no IPv6 here";
  Quota& quota = Allow({.all = 8, .per_client = 8});
  for (const char* host : {"", "::"}) {
    const auto listener = Listen(host, quota);
    const uint16_t port = listener->endpoint().port;
    const OpenedSocket v4 = ConnectFrom("127.0.0.9", At("127.0.0.1", port));
    accepted_.Await(1);
    EXPECT_EQ(accepted_.peer(0).host, "127.0.0.9") << "not as an IPv6 address";
    const OpenedSocket v6 = ConnectTo(At("::1", port), Soon());
    accepted_.Await(2);
    EXPECT_EQ(accepted_.peer(1).host, "::1");
    EXPECT_THAT(accepted_.peer(1).address, testing::StartsWith("[::1]:"));
    accepted_.Close();
  }
}

TEST_F(AcceptLoopTest, AnIpv4AddressStandsForItselfOnly) {
  if (!HasIpv6()) GTEST_SKIP() << "no IPv6 here";
  Quota& quota = Allow({.all = 8, .per_client = 8});
  const auto listener = Listen("0.0.0.0", quota);
  EXPECT_EQ(ConnectTo(At("::1", listener->endpoint().port), Soon()).error, ECONNREFUSED);
  EXPECT_EQ(ConnectTo(At("127.0.0.1", listener->endpoint().port), Soon()).error, 0);
}

TEST_F(AcceptLoopTest, ANameStandsForAllItsAddresses) {
  Quota& quota = Allow({.all = 8, .per_client = 8});
  const auto listener = Listen("localhost", quota);
  EXPECT_EQ(listener->endpoint().host, "localhost");
  size_t count = 0;
  for (const SocketAddress& address : Resolve({"localhost", 0}).addresses) {
    const OpenedSocket client = ConnectTo(address.WithPort(listener->endpoint().port), Soon());
    EXPECT_EQ(client.error, 0) << address.Host();
    accepted_.Await(++count);
  }
}

// These run in a process of their own, because they take all of its files.
class OpenFilesDeathTest : public testing::Test {
 protected:
  OpenFilesDeathTest() { testing::GTEST_FLAG(death_test_style) = "threadsafe"; }
};

#define CHECK_THAT(condition)                        \
  do {                                               \
    if (!(condition)) {                              \
      std::fprintf(stderr, "not: %s\n", #condition); \
      std::_Exit(1);                                 \
    }                                                \
  } while (false)

rlim_t LimitOpenFiles(rlim_t more) {
  const int next = ::dup(0);
  ::close(next);
  const rlimit limit{.rlim_cur = static_cast<rlim_t>(next) + more, .rlim_max = static_cast<rlim_t>(next) + more};
  CHECK_THAT(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  return limit.rlim_cur;
}

// Takes all files that are left, except `keep`.
std::vector<FileDescriptor> TakeFiles(size_t keep) {
  std::vector<FileDescriptor> files;
  for (;;) {
    FileDescriptor one(::dup(0));
    if (!one.ok()) break;
    files.push_back(std::move(one));
  }
  CHECK_THAT(files.size() >= keep);
  for (size_t i = 0; i < keep; ++i) files.pop_back();
  return files;
}

void AcceptsAgainOnceThereAreFiles() {
  Refusals refusals;
  Quota quota("connections", {.all = 1000, .per_client = 1000});
  Accepted accepted;
  const auto loop = *AcceptLoop::Start(refusals);
  const auto listener = *loop->Listen(
      {"127.0.0.1", 0}, {.name = "test", .connections = quota, .handler = accepted.handler(), .refused = {}});
  const SocketAddress at = At("127.0.0.1", listener->endpoint().port);
  LimitOpenFiles(40);
  for (int round = 0; round < 3; ++round) {
    {
      // One file for the client's end, none for the server's.
      const std::vector<FileDescriptor> rest = TakeFiles(1);
      const OpenedSocket client = ConnectTo(at, Soon());
      CHECK_THAT(AwaitEnd(client) == ECONNRESET);
      AwaitTrue([&] { return refusals.failures().size() > static_cast<size_t>(round); }, "the failure is reported");
      CHECK_THAT(refusals.failures()[0] == absl::StrCat("test: ", ErrorText(EMFILE)));
    }
    // The loop may still be resetting what waits when the files are free again; who comes then must come again.
    auto client = std::make_unique<OpenedSocket>(ConnectTo(at, Soon()));
    const auto is_accepted = [&] {
      if (accepted.size() > 0) return true;
      if (HasEnded(*client)) client = std::make_unique<OpenedSocket>(ConnectTo(at, Soon()));
      return false;
    };
    AwaitTrue(is_accepted, "a connection is accepted");
    CHECK_THAT(SendAll(accepted.socket(0), "served", Soon()) == 0);
    std::string bytes;
    CHECK_THAT(Receive(client->socket.number(), bytes, Soon()).size > 0);
    accepted.Close();
  }
  std::_Exit(0);
}

TEST_F(OpenFilesDeathTest, TheLoopAcceptsAgainOnceThereAreFiles) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "without a file, UndefinedBehaviorSanitizer takes each virtual call for an error";
#endif
  EXPECT_EXIT(AcceptsAgainOnceThereAreFiles(), testing::ExitedWithCode(0), "");
}

void RaisesTheLimit() {
  const rlimit limit{.rlim_cur = 100, .rlim_max = 200};
  CHECK_THAT(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK_THAT(RaiseOpenFileLimit() == 200);
  rlimit now{};
  CHECK_THAT(::getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == 200);
  std::_Exit(0);
}

TEST_F(OpenFilesDeathTest, TheLimitIsRaised) { EXPECT_EXIT(RaisesTheLimit(), testing::ExitedWithCode(0), ""); }

}  // namespace
}  // namespace probegate
