#include "gateway/grpc/grpc_upstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "grpcpp/grpcpp.h"
#include "probegate/v1/debug_probe.grpc.pb.h"
#include "telemetry/metrics.h"
#include "tests/base/bounded_wait.h"
#include "tests/gateway/fake_upstream.h"

namespace probegate {
namespace {

constexpr size_t kResponses = 20;

// Answers a given number of requests of every stream, and then ends the stream. Each answer contains the traceparent of
// the first request.
class Talker final : public v1::DebugProbe::Service {
  grpc::Status Stream(grpc::ServerContext*,
                      grpc::ServerReaderWriter<v1::StreamResponse, v1::StreamRequest>* stream) override {
    std::string traceparent;
    v1::StreamRequest request;
    for (uint64_t id = 0; id < kResponses && stream->Read(&request); ++id) {
      if (id == 0) traceparent = request.traceparent();
      v1::StreamResponse response;
      response.set_request_id(id);
      response.mutable_error()->set_message(traceparent);
      stream->Write(response);
    }
    return grpc::Status::OK;
  }
};

class GrpcUpstream : public ::testing::Test {
 protected:
  void SetUp() override {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&talker_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    const std::string address = "127.0.0.1:" + std::to_string(port);
    upstreams_ = MakeGrpcUpstreams(metrics_);
    upstream_ = upstreams_->To({"talker:1", address});
  }

  Talker talker_;
  MetricSet metrics_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Upstreams> upstreams_;
  std::shared_ptr<Upstream> upstream_;
};

// Sends as many requests as the talker answers in addition to the opening.
void AskOn(UpstreamSession& session) {
  for (size_t i = 1; i < kResponses; ++i) {
    v1::StreamRequest request;
    request.mutable_get_state();
    session.Send(std::move(request));
  }
}

// The gateway's strand may take the response, and have room again, before the callback that asks for the pause returns.
TEST_F(GrpcUpstream, ResumeMayComeBeforeThePause) {
  Mutex mutex;
  CondVar changed;
  size_t taken = 0;
  std::promise<UpstreamSession*> opened;
  const std::shared_future<UpstreamSession*> session_opened = opened.get_future().share();
  const auto session = upstream_->OpenSession(
      {}, "",
      {.on_response =
           [&](const v1::StreamResponse& response) {
             if (session_opened.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
               return true;  // in that case the counts below do not match
             }
             session_opened.get()->Resume();
             const MutexLock lock(mutex);
             EXPECT_EQ(response.request_id(), taken);
             ++taken;
             changed.NotifyAll();
             return false;
           },
       .on_end = [](const std::string&) {}});
  opened.set_value(session.get());
  AskOn(*session);
  const MutexLock lock(mutex);
  EXPECT_TRUE(WaitFor(mutex, changed, [&] { return taken == kResponses; })) << taken;
}

TEST_F(GrpcUpstream, TheOpeningCarriesTheTraceparent) {
  const std::string traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  std::promise<std::string> arrived;
  const auto session = upstream_->OpenSession({}, traceparent,
                                              {.on_response =
                                                   [&, first = true](const v1::StreamResponse& response) mutable {
                                                     if (std::exchange(first, false)) {
                                                       arrived.set_value(response.error().message());
                                                     }
                                                     return true;
                                                   },
                                               .on_end = [](const std::string&) {}});
  EXPECT_EQ(Awaited(arrived.get_future(), "the first answer"), traceparent);
}

// After the last answer no response is awaited, so that the end of the stream is only noticed after Listen.
TEST_F(GrpcUpstream, CountsASessionsStreamOnce) {
  std::promise<void> answered;
  std::promise<void> ended;
  const auto session = upstream_->OpenSession({}, "",
                                              {.on_response =
                                                   [&, count = size_t{0}](const v1::StreamResponse&) mutable {
                                                     if (++count == kResponses) answered.set_value();
                                                     return true;
                                                   },
                                               .on_end = [&](const std::string&) { ended.set_value(); }});
  AskOn(*session);
  Awaited(answered.get_future(), "the last answer");
  session->Listen();
  Awaited(ended.get_future(), "the end of the stream");
  const std::string labels =
      "{grpc_method=\"Stream\",grpc_service=\"probegate.v1.DebugProbe\",grpc_type=\"bidi_stream\"} 1";
  EXPECT_THAT(metrics_.Expose(), testing::HasSubstr("grpc_client_started_total" + labels));
  EXPECT_THAT(metrics_.Expose(), testing::HasSubstr("grpc_client_handling_seconds_count" + labels));
  EXPECT_THAT(metrics_.Expose(), testing::HasSubstr("grpc_client_handled_total{grpc_code=\"OK\",grpc_method=\"Stream\","
                                                    "grpc_service=\"probegate.v1.DebugProbe\","
                                                    "grpc_type=\"bidi_stream\"} 1"));
}

}  // namespace
}  // namespace probegate
