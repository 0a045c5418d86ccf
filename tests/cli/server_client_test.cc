// How this program reaches a server.
#include "cli/server_client.h"

#include <string>

#include "base/grpc/listener.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

// Says by what name it was called.
class Directory final : public v1::ProbeDirectory::Service {
  grpc::Status ListProbes(grpc::ServerContext* context, const v1::ListProbesRequest*,
                          v1::ListProbesResponse* response) override {
    const grpc::string_ref authority = context->ExperimentalGetAuthority();
    response->set_host(std::string(authority.data(), authority.size()));
    return grpc::Status::OK;
  }
};

TEST(ServerClient, GoesToTheAddressAndCallsTheServerByItsName) {
  Directory directory;
  const auto listener = GrpcListener::Start(
      {"127.0.0.1", 0}, [&directory](grpc::ServerBuilder& builder) { builder.RegisterService(&directory); });
  ASSERT_TRUE(listener.ok()) << listener.status();
  const uint16_t port = (*listener)->endpoint().port;
  ServerClient client({.address = {"127.0.0.1", port}, .name = {"lab.invalid", port}});
  client.Connect();
  EXPECT_EQ(client.ListProbes().host(), "lab.invalid:" + std::to_string(port));
}

}  // namespace
}  // namespace probegate
