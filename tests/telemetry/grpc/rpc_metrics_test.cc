// Each call that is counted as started is counted as handled once, with its status.
#include "telemetry/grpc/rpc_metrics.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probegate/v1/probe_directory.grpc.pb.h"
#include "telemetry/grpc/server_interceptor.h"
#include "tests/base/bounded_wait.h"

namespace probegate {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kDirectory[] = "probegate.v1.ProbeDirectory";
constexpr char kWatchPath[] = "/probegate.v1.ProbeDirectory/WatchProbes";

std::vector<RpcMethod> DirectoryMethods() { return MethodsOf({kDirectory}); }

// The sum of all series of `name` whose labels contain `part`.
double Sum(MetricSet& metrics, const std::string& name, const std::string& part) {
  std::istringstream text(metrics.Expose());
  double sum = 0;
  for (std::string line; std::getline(text, line);) {
    if (line.compare(0, name.size() + 1, name + "{") != 0 || line.find(part) == std::string::npos) continue;
    sum += std::stod(line.substr(line.rfind(' ')));
  }
  return sum;
}

// Answers when the call is cancelled.
class UntilCancelled final : public grpc::ServerUnaryReactor {
 public:
  void OnCancel() override { Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the client is gone")); }
  void OnDone() override { delete this; }
};

// Writes one event, and ends with OK once that is written.
class OneEvent final : public grpc::ServerWriteReactor<v1::WatchProbesResponse> {
 public:
  OneEvent() { StartWrite(&event_); }
  void OnWriteDone(bool) override { Finish(grpc::Status::OK); }
  void OnDone() override { delete this; }

 private:
  v1::WatchProbesResponse event_;
};

// Has a method for each way in which a call can end.
class Directory final : public v1::ProbeDirectory::CallbackService {
 public:
  grpc::ServerUnaryReactor* ListProbes(grpc::CallbackServerContext* context, const v1::ListProbesRequest*,
                                       v1::ListProbesResponse*) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerUnaryReactor* EndSession(grpc::CallbackServerContext* context, const v1::EndSessionRequest*,
                                       v1::EndSessionResponse*) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status(grpc::StatusCode::NOT_FOUND, "no such session"));
    return reactor;
  }
  grpc::ServerUnaryReactor* ListSessions(grpc::CallbackServerContext*, const v1::ListSessionsRequest*,
                                         v1::ListSessionsResponse*) override {
    ++began;
    return new UntilCancelled();
  }
  grpc::ServerWriteReactor<v1::WatchProbesResponse>* WatchProbes(grpc::CallbackServerContext*,
                                                                 const v1::WatchProbesRequest*) override {
    return new OneEvent();
  }

  std::atomic<int> began = 0;  // calls of ListSessions
};

class RpcMetricsTest : public testing::Test {
 protected:
  void Serve(std::vector<std::string> counted_elsewhere = {}) {
    rpcs_.emplace(metrics_, kServerRpcRows, ServedMethods({kDirectory}));
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&directory_);
    builder.experimental().SetInterceptorCreators(MakeServerInterceptors(*rpcs_, std::move(counted_elsewhere)));
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials());
    stub_ = v1::ProbeDirectory::NewStub(channel_);
  }

  // Waits until all calls have ended, and expects that `method` was called once and ended with `code`. Both are label
  // values.
  void ExpectOnce(const std::string& method, const std::string& code) {
    server_->Shutdown();
    server_->Wait();
    const std::string label = "grpc_method=\"" + method + "\"";
    EXPECT_EQ(Sum(metrics_, "grpc_server_started_total", label), 1);
    EXPECT_EQ(Sum(metrics_, "grpc_server_handled_total", label), 1);
    EXPECT_EQ(Sum(metrics_, "grpc_server_handled_total", "grpc_code=\"" + code + "\"," + label), 1);
    EXPECT_EQ(Sum(metrics_, "grpc_server_handling_seconds_count", label), 1);
  }

  // Calls a method by its path, even if there is none.
  grpc::StatusCode CallByName(const std::string& path) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    const grpc::Slice nothing;
    grpc::ByteBuffer request(&nothing, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> ended;
    stub.UnaryCall(&context, path, {}, &request, &response, [&](grpc::Status status) { ended.set_value(status); });
    return Awaited(ended.get_future(), "the end of the call").error_code();
  }

  MetricSet metrics_;
  std::optional<RpcMetrics> rpcs_;
  Directory directory_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::ProbeDirectory::Stub> stub_;
  grpc::ClientContext context_;
};

TEST_F(RpcMetricsTest, CountsACallThatSucceeds) {
  Serve();
  v1::ListProbesResponse response;
  ASSERT_TRUE(stub_->ListProbes(&context_, {}, &response).ok());
  ExpectOnce("ListProbes", "OK");
}

TEST_F(RpcMetricsTest, CountsACallThatFails) {
  Serve();
  v1::EndSessionResponse response;
  ASSERT_EQ(stub_->EndSession(&context_, {}, &response).error_code(), grpc::StatusCode::NOT_FOUND);
  ExpectOnce("EndSession", "NotFound");
}

TEST_F(RpcMetricsTest, CountsACallThatIsNotImplemented) {
  Serve();
  v1::StatsResponse response;
  ASSERT_EQ(stub_->Stats(&context_, {}, &response).error_code(), grpc::StatusCode::UNIMPLEMENTED);
  ExpectOnce("Stats", "Unimplemented");
}

TEST_F(RpcMetricsTest, CountsACallThatIsCancelled) {
  Serve();
  const v1::ListSessionsRequest request;
  v1::ListSessionsResponse response;
  std::promise<void> ended;
  stub_->async()->ListSessions(&context_, &request, &response, [&](const grpc::Status&) { ended.set_value(); });
  AwaitTrue([&] { return directory_.began != 0; }, "the call is there");
  context_.TryCancel();
  Awaited(ended.get_future(), "the end of the call");
  ExpectOnce("ListSessions", "Canceled");
}

TEST_F(RpcMetricsTest, CountsACallWhoseDeadlinePasses) {
  Serve();
  // On a slow machine the first deadlines may pass before the call reaches the server.
  for (std::chrono::milliseconds patience(50); directory_.began == 0; patience *= 2) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + patience);
    v1::ListSessionsResponse response;
    ASSERT_EQ(stub_->ListSessions(&context, {}, &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  server_->Shutdown();
  server_->Wait();
  EXPECT_GE(Sum(metrics_, "grpc_server_started_total", ""), 1);
  EXPECT_EQ(Sum(metrics_, "grpc_server_handled_total", "grpc_code=\"Canceled\""),
            Sum(metrics_, "grpc_server_started_total", ""));
}

TEST_F(RpcMetricsTest, CountsAStream) {
  Serve();
  const auto watch = stub_->WatchProbes(&context_, {});
  v1::WatchProbesResponse event;
  while (watch->Read(&event)) {
  }
  ASSERT_TRUE(watch->Finish().ok());
  ExpectOnce("WatchProbes", "OK");
  EXPECT_EQ(Sum(metrics_, "grpc_server_started_total", "grpc_type=\"server_stream\""), 1);
}

TEST_F(RpcMetricsTest, DoesNotInterceptACallThatIsCountedElsewhere) {
  Serve({kWatchPath});
  const auto watch = stub_->WatchProbes(&context_, {});
  v1::WatchProbesResponse event;
  while (watch->Read(&event)) {
  }
  ASSERT_TRUE(watch->Finish().ok());
  EXPECT_EQ(Sum(metrics_, "grpc_server_started_total", ""), 0);
  rpcs_->Begin(kWatchPath).Finish(grpc::StatusCode::OK);
  ExpectOnce("WatchProbes", "OK");
}

TEST_F(RpcMetricsTest, CountsAHealthCheck) {
  Serve();
  ASSERT_EQ(CallByName("/grpc.health.v1.Health/Check"), grpc::StatusCode::OK);
  ExpectOnce("Check", "OK");
}

TEST_F(RpcMetricsTest, DoesNotCountAnUnknownMethod) {
  Serve();
  ASSERT_EQ(CallByName("/probegate.v1.ProbeDirectory/Nothing"), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(Sum(metrics_, "grpc_server_started_total", ""), 0);
  EXPECT_EQ(Sum(metrics_, "grpc_server_handled_total", ""), 0);
  EXPECT_THAT(metrics_.Expose(), Not(HasSubstr("Nothing")));
  rpcs_->Begin("/probegate.v1.ProbeDirectory/Nothing").Finish(grpc::StatusCode::OK);
  EXPECT_THAT(metrics_.Expose(), Not(HasSubstr("Nothing")));
}

TEST(RpcScopeTest, AScopeThatIsNotFinishedCountsAsCanceled) {
  MetricSet metrics;
  const RpcMetrics rpcs(metrics, kClientRpcRows, DirectoryMethods());
  rpcs.Begin(kWatchPath);
  EXPECT_EQ(Sum(metrics, "grpc_client_started_total", "WatchProbes"), 1);
  EXPECT_EQ(Sum(metrics, "grpc_client_handled_total", ""), 1);
  EXPECT_EQ(Sum(metrics, "grpc_client_handled_total", "grpc_code=\"Canceled\",grpc_method=\"WatchProbes\""), 1);
}

TEST(RpcScopeTest, AnInvalidCodeCountsAsUnknown) {
  MetricSet metrics;
  const RpcMetrics rpcs(metrics, kClientRpcRows, DirectoryMethods());
  for (const int code : {-1, 17, 1000}) rpcs.Begin(kWatchPath).Finish(static_cast<grpc::StatusCode>(code));
  EXPECT_EQ(Sum(metrics, "grpc_client_handled_total", "grpc_code=\"Unknown\""), 3);
}

TEST(RpcMetricsAtStart, AllSeriesExist) {
  MetricSet metrics;
  const RpcMetrics rpcs(metrics, kServerRpcRows, DirectoryMethods());
  const std::string text = metrics.Expose();
  for (const RpcMethod& method : DirectoryMethods()) {
    for (const char* code : {"OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound",
                             "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted",
                             "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated"}) {
      EXPECT_THAT(text, HasSubstr(std::string("grpc_server_handled_total{grpc_code=\"") + code + "\",grpc_method=\"" +
                                  std::string(method.name) + "\",grpc_service=\"" + kDirectory + "\""));
    }
  }
}

}  // namespace
}  // namespace probegate
