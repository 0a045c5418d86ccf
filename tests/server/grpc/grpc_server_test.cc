// The metrics of the server's gRPC calls.
#include "server/grpc/grpc_server.h"

#include <sstream>
#include <string>

#include "tests/server/grpc/rim_fixture.h"

namespace probegate {
namespace {

class GrpcServerTest : public RimTest {
 protected:
  // How many calls of `method` have started, and how many have ended with `code`.
  double Started(const std::string& method) { return Value("started_total{grpc_method=\"" + method + "\""); }
  double Handled(const std::string& method, const std::string& code) {
    return Value("handled_total{grpc_code=\"" + code + "\",grpc_method=\"" + method + "\"");
  }

 private:
  double Value(const std::string& series) {
    std::istringstream text(server.metric_set.Expose());
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with("grpc_server_" + series)) return std::stod(line.substr(line.rfind(' ')));
    }
    ADD_FAILURE() << "there is no series " << series;
    return 0;
  }
};

TEST_F(GrpcServerTest, CountsAUnaryCall) {
  grpc::ClientContext context;
  v1::ListProbesResponse response;
  ASSERT_TRUE(directory->ListProbes(&context, {}, &response).ok());
  EXPECT_EQ(Started("ListProbes"), 1);
  EXPECT_EQ(Handled("ListProbes", "OK"), 1);
}

TEST_F(GrpcServerTest, CountsASessionsStreamOnce) {
  server.Plug("A1");
  {
    grpc::ClientContext context;
    const auto stream = ConnectStream(context, "A1");
    EXPECT_EQ(Started("Stream"), 1);
    EXPECT_EQ(Handled("Stream", "OK"), 0);
    ASSERT_TRUE(stream->WritesDone());
    v1::StreamResponse response;
    while (stream->Read(&response)) {
    }
    ASSERT_TRUE(stream->Finish().ok());
  }
  EXPECT_EQ(Handled("Stream", "OK"), 1);
  {
    grpc::ClientContext context;
    const auto stream = ConnectStream(context, "A1");
    context.TryCancel();
    EXPECT_TRUE(Eventually([&] { return Handled("Stream", "Canceled") == 1; }));
  }
  EXPECT_EQ(Started("Stream"), 2);
  EXPECT_EQ(Handled("Stream", "OK"), 1);
}

TEST_F(GrpcServerTest, CountsAWatchOnce) {
  grpc::ClientContext context;
  const auto watch = directory->WatchProbes(&context, {});
  v1::WatchProbesResponse event;
  ASSERT_TRUE(watch->Read(&event));
  EXPECT_EQ(Started("WatchProbes"), 1);
  context.TryCancel();
  EXPECT_TRUE(Eventually([&] { return Handled("WatchProbes", "Canceled") == 1; }));
  EXPECT_EQ(Started("WatchProbes"), 1);
}

TEST_F(GrpcServerTest, CountsEveryMethodThatItServes) {
  for (const char* method : {"OpenSession", "ReadDp", "Stats", "Check", "Watch", "ServerReflectionInfo"}) {
    EXPECT_EQ(Started(method), 0) << method;
  }
}

}  // namespace
}  // namespace probegate
