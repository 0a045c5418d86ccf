// gRPC over connections that the accept loop accepts.
#include "base/grpc/listener.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "base/socket.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/base/accepting.h"
#include "tests/base/bounded_wait.h"

namespace probegate {
namespace {

Deadline Soon() { return std::chrono::steady_clock::now() + kWaitBound; }

class GrpcListenerTest : public testing::Test {
 protected:
  void Listen(GrpcLimits limits = {}) {
    auto listener =
        GrpcListener::Start(accepting_.At({"127.0.0.1", 0}, std::move(limits)), {"x.Y"}, [](grpc::ServerBuilder&) {});
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
  }
  // The status of a health check over a new connection. The serialized response is 08 and the status.
  std::string Health() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    grpc::GenericStub stub(
        grpc::CreateCustomChannel(listener_->endpoint().ToString(), grpc::InsecureChannelCredentials(), arguments));
    grpc::ClientContext context;
    const grpc::Slice empty;
    const grpc::ByteBuffer request(&empty, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &request, &response,
                   [&done](const grpc::Status& status) { done.set_value(status); });
    const grpc::Status status = Awaited(done.get_future(), "a health check");
    if (!status.ok()) return status.error_message();
    grpc::Slice slice;
    if (!response.DumpToSingleSlice(&slice).ok() || slice.size() != 2) return "an odd response";
    return slice.begin()[1] == 1 ? "SERVING" : "NOT_SERVING";
  }
  OpenedSocket Connect(const std::string& source = "127.0.0.1") {
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketAddress from = Resolve({source, 0}).addresses.at(0);
    const SocketAddress to = Resolve(listener_->endpoint()).addresses.at(0);
    EXPECT_EQ(::bind(socket.number(), from.get(), from.size()), 0);
    EXPECT_EQ(::connect(socket.number(), to.get(), to.size()), 0) << ErrorText(errno);
    EXPECT_EQ(::fcntl(socket.number(), F_SETFL, O_NONBLOCK), 0);
    return {.socket = std::move(socket)};
  }
  // Waits until the server has closed the connection.
  static void AwaitEnd(const OpenedSocket& connection) {
    std::string bytes;
    for (;;) {
      const Received received = Receive(connection.socket.number(), bytes, Soon());
      ASSERT_NE(received.error, ETIMEDOUT);
      if (received.error != 0 || received.size == 0) return;
    }
  }
  void AwaitConnections(uint64_t count) {
    AwaitTrue([&] { return accepting_.connections().usage().taken == count; }, "connections come or go");
  }

  Accepting accepting_;
  std::unique_ptr<GrpcListener> listener_;
};

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const std::string kSettings("\0\0\0\4\0\0\0\0\0", 9);

TEST_F(GrpcListenerTest, ServesEachClientAndGivesPlacesBack) {
  Listen();
  EXPECT_EQ(Health(), "SERVING");
  AwaitConnections(0);
  EXPECT_EQ(Health(), "SERVING") << "over another connection";
  AwaitConnections(0);
}

TEST_F(GrpcListenerTest, TellsThatItServesNoMore) {
  Listen();
  EXPECT_EQ(Health(), "SERVING");
  listener_->StopServing();
  EXPECT_EQ(Health(), "NOT_SERVING");
}

TEST_F(GrpcListenerTest, ClosesAConnectionThatSaysNothing) {
  Listen({.handshake = std::chrono::milliseconds(200)});
  const OpenedSocket silent = Connect("127.0.0.2");
  AwaitConnections(1);
  EXPECT_EQ(accepting_.connections().taken_by("127.0.0.2"), 1u);
  AwaitEnd(silent);
  AwaitConnections(0);
}

TEST_F(GrpcListenerTest, ClosesAConnectionWithoutACall) {
  Listen({.idle = std::chrono::milliseconds(200)});
  const OpenedSocket idle = Connect();
  ASSERT_EQ(SendAll(idle.socket.number(), kPreface + kSettings, Soon()), 0);
  AwaitEnd(idle);
  AwaitConnections(0);
}

TEST_F(GrpcListenerTest, GivesThePlaceOfAClientBackThatResetsItsConnection) {
  Listen();
  {
    OpenedSocket client = Connect();
    ASSERT_EQ(SendAll(client.socket.number(), kPreface + kSettings, Soon()), 0);
    AwaitConnections(1);
    ResetConnection(std::move(client.socket));
  }
  AwaitConnections(0);
}

TEST_F(GrpcListenerTest, EndsConnectionsWhenItShutsDown) {
  Listen();
  const OpenedSocket client = Connect();
  ASSERT_EQ(SendAll(client.socket.number(), kPreface + kSettings, Soon()), 0);
  AwaitConnections(1);
  listener_->Shutdown(std::chrono::milliseconds(100));
  AwaitEnd(client);
  listener_ = nullptr;
  EXPECT_EQ(accepting_.connections().usage().taken, 0u);
}

// gRPC reads from such a connection for as long as it sends: the pings alone would keep one of its threads busy.
TEST_F(GrpcListenerTest, OthersAreServedWhileConnectionsFlood) {
  constexpr int kConnections = 8;
  constexpr int kResets = 4;
  std::atomic<int> floods = 0;
  std::atomic<int> others = 0;
  Listen({.on_flood = [&](const Peer& peer) { ++(peer.client == "127.0.0.2" ? floods : others); }});
  std::string pings;
  for (int i = 0; i < 10'000; ++i) pings += std::string("\0\0\x08\6\0\0\0\0\0", 9) + "12345678";
  // Sends until the connection fails. It then connects again, so that the number of floods does not decrease.
  const auto flood = [&] {
    while (floods < kResets) {
      const OpenedSocket client = Connect("127.0.0.2");
      int error = SendAll(client.socket.number(), kPreface + kSettings, Soon());
      while (error == 0 && floods < kResets) {
        error = SendAll(client.socket.number(), pings, Soon());
        std::array<char, 1 << 16> answers;
        while (::recv(client.socket.number(), answers.data(), answers.size(), MSG_DONTWAIT) > 0) {
        }
      }
    }
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < kConnections; ++i) clients.emplace_back(flood);
  const auto enough = [&] {
    EXPECT_EQ(Health(), "SERVING");
    return floods >= kResets;
  };
  AwaitTrue(enough, "floods are reset");
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(others, 0);
  listener_ = nullptr;  // it refers to the counters
}

}  // namespace
}  // namespace probegate
