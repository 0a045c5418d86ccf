// What a server knows about the connections of its calls: over TLS, over a unix socket and in the clear.
#include "base/grpc/connection_facts.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "base/grpc/channel.h"
#include "base/grpc/client_tls.h"
#include "base/grpc/health_call.h"
#include "base/grpc/listener.h"
#include "base/grpc/server_tls.h"
#include "base/mutex.h"
#include "base/self_connection.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/base/accepting.h"
#include "tests/base/bounded_wait.h"
#include "tests/base/certificates.h"
#include "tests/base/other_process.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

namespace fs = std::filesystem;

Deadline Soon() { return std::chrono::steady_clock::now() + kWaitBound; }

// Ends each call with OK, and keeps the facts about its connection.
class FactsService final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    class Call final : public grpc::ServerGenericBidiReactor {
     public:
      Call() { Finish(grpc::Status::OK); }
      void OnDone() override { delete this; }
    };
    {
      MutexLock lock(mutex_);
      facts_.push_back(FactsOf(*context));
    }
    return new Call;
  }
  std::vector<ConnectionFacts> TakeFacts() {
    MutexLock lock(mutex_);
    return std::exchange(facts_, {});
  }

 private:
  Mutex mutex_;
  std::vector<ConnectionFacts> facts_ ABSL_GUARDED_BY(mutex_);
};

class ConnectionFactsTest : public testing::Test {
 protected:
  ConnectionFactsTest() {
    std::string name = "/tmp/facts-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~ConnectionFactsTest() override {
    listener_ = nullptr;
    fs::remove_all(folder_);
  }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    // A client's key that other users may read is refused.
    fs::permissions(folder_ / name, fs::perms::owner_read);
    return folder_ / name;
  }
  void Listen(const Endpoint& at) {
    GrpcListening listening = accepting_.At(at);
    listening.tls = tls_.get();
    auto listener = GrpcListener::Start(std::move(listening), {}, [this](grpc::ServerBuilder& builder) {
      builder.RegisterCallbackGenericService(&service_);
    });
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
  }
  void UseTls() {
    ServerTlsFiles files{.certificate = Write("server.crt", server_.certificate),
                         .key = Write("server.key", server_.key),
                         .client_ca = Write("ca.crt", authority_.certificate)};
    auto tls = ServerTls::Start(files, [](const absl::Status&) {});
    ASSERT_TRUE(tls.ok()) << tls.status();
    tls_ = *std::move(tls);
  }
  ChannelSecurity Trusting(const TestCertificate* client) const {
    ClientTlsFiles files{.enabled = true, .ca = Write("ca.crt", authority_.certificate)};
    if (client != nullptr) {
      files.certificate = Write("client.crt", client->certificate);
      files.key = Write("client.key", client->key);
    }
    auto security = LoadClientTls(files);
    EXPECT_TRUE(security.ok()) << security.status();
    return *security;
  }
  using Metadata = std::vector<std::pair<std::string, std::string>>;
  static grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel, const Metadata& metadata = {}) {
    grpc::ClientContext context;
    for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
    const grpc::Slice empty;
    const grpc::ByteBuffer request(&empty, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> done;
    grpc::GenericStub(channel).UnaryCall(&context, "/x.Y/Z", {}, &request, &response,
                                         [&done](const grpc::Status& status) { done.set_value(status); });
    return Awaited(done.get_future(), "the end of a call");
  }
  // Makes a call, and returns what the server knows about its connection.
  ConnectionFacts FactsOfCall(const ChannelSecurity& security = {}, const Metadata& metadata = {}) {
    const grpc::Status status =
        Call(MakeChannel(listener_->endpoint().ToString(), {.authority = {}, .security = security}), metadata);
    const auto facts = service_.TakeFacts();
    EXPECT_EQ(facts.size(), 1u) << status.error_message();
    return facts.empty() ? ConnectionFacts{} : facts.front();
  }

  const TestCertificate authority_ = MakeCertificate("Authority", "");
  const TestCertificate server_ = MakeCertificate("server", "DNS:localhost,IP:127.0.0.1", &authority_);
  fs::path folder_;
  FactsService service_;
  std::unique_ptr<ServerTls> tls_;
  Accepting accepting_;
  std::unique_ptr<GrpcListener> listener_;
};

TEST_F(ConnectionFactsTest, OfLoopbackInTheClear) {
  Listen({"127.0.0.1", 0});
  const ConnectionFacts facts = FactsOfCall();
  EXPECT_EQ(facts.protection, Protection::kLoopback);
  EXPECT_EQ(facts.peer.host, "127.0.0.1");
  EXPECT_FALSE(facts.uid);
  EXPECT_EQ(facts.certificate, "");
  EXPECT_THAT(facts.authorization, IsEmpty());
}

TEST_F(ConnectionFactsTest, OfAuthorization) {
  Listen({"127.0.0.1", 0});
  EXPECT_THAT(FactsOfCall({}, {{"authorization", "Bearer a.b-c"}}).authorization, ElementsAre("Bearer a.b-c"));
  EXPECT_THAT(FactsOfCall({}, {{"authorization", "Bearer a"}, {"authorization", "b"}}).authorization,
              UnorderedElementsAre("Bearer a", "b"));
}

TEST_F(ConnectionFactsTest, OfAClientCertificate) {
  UseTls();
  Listen({"127.0.0.1", 0});
  const TestCertificate client = MakeCertificate("Ci Runner", "DNS:ci.example", &authority_);
  const ConnectionFacts facts = FactsOfCall(Trusting(&client));
  EXPECT_EQ(facts.protection, Protection::kTls);
  EXPECT_EQ(facts.peer.host, "127.0.0.1");
  EXPECT_EQ(facts.certificate, client.certificate);
}

TEST_F(ConnectionFactsTest, OfTlsWithoutAClientCertificate) {
  UseTls();
  Listen({"127.0.0.1", 0});
  const ConnectionFacts facts = FactsOfCall(Trusting(nullptr), {{"authorization", "Bearer t"}});
  EXPECT_EQ(facts.protection, Protection::kTls);
  EXPECT_EQ(facts.certificate, "");
  EXPECT_THAT(facts.authorization, ElementsAre("Bearer t"));
}

TEST_F(ConnectionFactsTest, OfAUnixSocket) {
  UseTls();  // which unix sockets do without
  Listen({folder_ / "socket", 0});
  FileDescriptor socket = ConnectFromAnotherProcess(folder_ / "socket");
  ASSERT_TRUE(socket.ok());
  Call(grpc::CreateInsecureChannelFromFd("test", socket.Release()));
  const auto all = service_.TakeFacts();
  ASSERT_EQ(all.size(), 1u);
  const ConnectionFacts& facts = all.front();
  EXPECT_EQ(facts.protection, Protection::kUnix);
  EXPECT_EQ(facts.uid, ::geteuid());
  EXPECT_EQ(facts.peer.host, "uid " + std::to_string(::geteuid()));
  EXPECT_TRUE(facts.peer.local());
}

// The kernel says that the connection is this process's own, as it is in the program's check of itself.
TEST_F(ConnectionFactsTest, TheProgramsOwnConnectionHasNoServiceButHealth) {
  UseTls();
  for (const Endpoint& at : {Endpoint{"127.0.0.1", 0}, Endpoint{folder_ / "socket", 0}}) {
    Listen(at);
    const SelfConnector connector(listener_->endpoint(), [this](const Endpoint& from) { listener_->Expect(from); });
    OpenedSocket checked = connector.Connect(Soon());
    ASSERT_EQ(checked.error, 0) << at.ToString();
    EXPECT_EQ(CallGrpcHealth(std::move(checked.socket), Soon()), absl::OkStatus()) << at.ToString();
    OpenedSocket other = connector.Connect(Soon());
    ASSERT_EQ(other.error, 0) << at.ToString();
    const grpc::Status status = Call(grpc::CreateInsecureChannelFromFd("self", other.socket.Release()));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << at.ToString();
    EXPECT_THAT(service_.TakeFacts(), IsEmpty());
    listener_ = nullptr;
  }
}

TEST_F(ConnectionFactsTest, NobodyElseIsServedWithoutTls) {
  UseTls();
  Listen({"127.0.0.1", 0});
  EXPECT_EQ(Call(MakeChannel(listener_->endpoint().ToString())).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(service_.TakeFacts(), IsEmpty());
}

}  // namespace
}  // namespace probegate
