// Calls to a server.
#include "cli/servers/server_client.h"

#include <cmath>
#include <string>

#include "base/grpc/listener.h"
#include "cli/print/failure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/base/accepting.h"

namespace probegate {
namespace {

// A directory that returns the call's :authority as its host.
class Directory final : public v1::ProbeDirectory::Service {
  grpc::Status ListProbes(grpc::ServerContext* context, const v1::ListProbesRequest*,
                          v1::ListProbesResponse* response) override {
    const grpc::string_ref authority = context->ExperimentalGetAuthority();
    response->set_host(std::string(authority.data(), authority.size()));
    return grpc::Status::OK;
  }
  grpc::Status ListSessions(grpc::ServerContext*, const v1::ListSessionsRequest*,
                            v1::ListSessionsResponse* response) override {
    *response = sessions;
    return grpc::Status::OK;
  }
  grpc::Status Stats(grpc::ServerContext*, const v1::StatsRequest*, v1::StatsResponse* response) override {
    *response = stats;
    return grpc::Status::OK;
  }

 public:
  v1::ListSessionsResponse sessions;
  v1::StatsResponse stats;
};

TEST(ServerClient, ConnectsToTheAddressAndSendsTheNameAsAuthority) {
  Directory directory;
  Accepting accepting;
  const auto listener =
      GrpcListener::Start(accepting.At({"127.0.0.1", 0}), {},
                          [&directory](grpc::ServerBuilder& builder) { builder.RegisterService(&directory); });
  ASSERT_TRUE(listener.ok()) << listener.status();
  const uint16_t port = (*listener)->endpoint().port;
  ServerClient client({.address = {"127.0.0.1", port}, .name = {"lab.invalid", port}});
  client.Connect();
  EXPECT_EQ(client.ListProbes().host(), "lab.invalid:" + std::to_string(port));
}

// Calls a server that sends an invalid answer, and checks the failure.
template <typename Call>
ExitCode CodeOf(Call call) {
  try {
    call();
    return ExitCode::kOk;
  } catch (const Failure& failure) {
    EXPECT_THAT(failure.what(), testing::HasSubstr("sent an invalid timestamp"));
    return failure.code;
  }
}

TEST(ServerClient, RefusesAnInvalidTimestamp) {
  Directory directory;
  Accepting accepting;
  const auto listener =
      GrpcListener::Start(accepting.At({"127.0.0.1", 0}), {},
                          [&directory](grpc::ServerBuilder& builder) { builder.RegisterService(&directory); });
  ASSERT_TRUE(listener.ok()) << listener.status();
  const Endpoint address{"127.0.0.1", (*listener)->endpoint().port};
  ServerClient client({.address = address, .name = address});
  const auto list = [&client] { client.ListSessions(""); };
  const auto stats = [&client] { client.Stats(""); };
  v1::SessionInfo& session = *directory.sessions.add_sessions();
  EXPECT_EQ(CodeOf(list), ExitCode::kOk);
  EXPECT_EQ(CodeOf(stats), ExitCode::kOk);
  session.mutable_opened_at()->set_seconds(100'000'000'000'000'000);
  EXPECT_EQ(CodeOf(list), ExitCode::kUnreachable);
  session.clear_opened_at();
  session.mutable_last_command_at()->set_nanos(-1);
  EXPECT_EQ(CodeOf(list), ExitCode::kUnreachable);
  directory.stats.mutable_time()->set_seconds(-100'000'000'000'000'000);
  EXPECT_EQ(CodeOf(stats), ExitCode::kUnreachable);
  directory.stats.clear_time();
  directory.stats.set_uptime_seconds(std::nan(""));
  EXPECT_EQ(CodeOf(stats), ExitCode::kUnreachable);
}

}  // namespace
}  // namespace probegate
