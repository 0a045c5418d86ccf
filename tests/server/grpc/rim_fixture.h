// A whole server with fake probes, and gRPC clients for it.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "gtest/gtest.h"
#include "probegate/v1/debug_probe.grpc.pb.h"
#include "probegate/v1/probe_directory.grpc.pb.h"
#include "server/grpc/grpc_server.h"
#include "tests/base/accepting.h"
#include "tests/server/server_fixture.h"

namespace probegate {

using Stream = grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>;

class RimTest : public testing::Test {
 protected:
  explicit RimTest(ServerOptions options = {})
      : server(std::move(options)),
        grpc_server(*GrpcServer::Start(accepting.At({"127.0.0.1", 0}), "machine", server.catalog, server.sessions,
                                       server.unary_sessions, server.access, {memory, calls, watches},
                                       server.metric_set)) {
    const auto channel = grpc::CreateChannel(grpc_server->endpoint().ToString(), grpc::InsecureChannelCredentials());
    debug_probe = v1::DebugProbe::NewStub(channel);
    directory = v1::ProbeDirectory::NewStub(channel);
  }
  ~RimTest() override {
    server.catalog.Stop("the test is over");
    grpc_server->Shutdown(std::chrono::seconds(1));
  }

  static v1::StreamRequest OpenSessionRequest(const std::string& probe) {
    v1::StreamRequest request;
    request.set_request_id(1);
    request.mutable_open_session()->set_probe(probe);
    return request;
  }
  static v1::StreamRequest Command(uint64_t id) {
    v1::StreamRequest request;
    request.set_request_id(id);
    return request;
  }
  // Sends `request` on a stream without other pending requests, and returns the answer.
  static v1::StreamResponse Ask(Stream& stream, const v1::StreamRequest& request) {
    v1::StreamResponse response;
    EXPECT_TRUE(stream.Write(request));
    EXPECT_TRUE(stream.Read(&response));
    return response;
  }
  // A stream with a session on `probe`.
  std::unique_ptr<Stream> OpenStream(grpc::ClientContext& context, const std::string& probe) {
    auto stream = debug_probe->Stream(&context);
    EXPECT_TRUE(Ask(*stream, OpenSessionRequest(probe)).has_open_session());
    return stream;
  }
  // The same, with the probe opened and connected.
  std::unique_ptr<Stream> ConnectStream(grpc::ClientContext& context, const std::string& probe) {
    auto stream = OpenStream(context, probe);
    v1::StreamRequest open = Command(2);
    open.mutable_open();
    EXPECT_TRUE(Ask(*stream, open).has_open());
    v1::StreamRequest connect = Command(3);
    connect.mutable_connect()->set_protocol(v1::WIRE_PROTOCOL_SWD);
    EXPECT_TRUE(Ask(*stream, connect).has_connect());
    return stream;
  }
  static v1::StreamRequest ReadDpIdr(uint64_t id) {
    v1::StreamRequest request = Command(id);
    request.mutable_read_dp()->set_address(0);
    return request;
  }

  Accepting accepting;
  Quota memory{"memory", {.all = size_t{256} << 20, .per_client = size_t{64} << 20}};
  Quota calls{"calls", {.all = 1000, .per_client = 300}};
  Quota watches{"watches", {.all = 10, .per_client = 3}};
  ServerFixture server;
  std::unique_ptr<GrpcServer> grpc_server;
  std::unique_ptr<v1::DebugProbe::Stub> debug_probe;
  std::unique_ptr<v1::ProbeDirectory::Stub> directory;
};

}  // namespace probegate
