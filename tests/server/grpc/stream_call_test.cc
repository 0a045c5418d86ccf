// A stream that is a session: order, limits, and every way in which it ends.
#include <algorithm>
#include <cstdint>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "probe/error.h"
#include "server/grpc/client_pace.h"
#include "tests/server/grpc/rim_fixture.h"

namespace probegate {
namespace {

using testing::HasSubstr;

class StreamCallTest : public RimTest {
 protected:
  // Sends a request that ends the stream, and returns the stream's status.
  static grpc::Status EndedBy(Stream& stream, const v1::StreamRequest& request) {
    v1::StreamResponse none;
    EXPECT_TRUE(stream.Write(request));
    EXPECT_FALSE(stream.Read(&none));
    return stream.Finish();
  }

  const std::shared_ptr<FakeWire> wire = server.Plug("PROBE1");
  grpc::ClientContext context;
};

TEST_F(StreamCallTest, OpensASessionAndAnswersInIt) {
  auto stream = debug_probe->Stream(&context);
  const v1::StreamResponse opened = Ask(*stream, OpenSessionRequest("probe1"));
  EXPECT_EQ(opened.request_id(), 1u);
  EXPECT_EQ(opened.open_session().session_id().size(), 32u);
  EXPECT_EQ(opened.open_session().probe().unique_id(), "PROBE1");
  v1::StreamRequest request = Command(7);
  request.mutable_get_state();
  const v1::StreamResponse state = Ask(*stream, request);
  EXPECT_EQ(state.request_id(), 7u);
  EXPECT_FALSE(state.get_state().is_open());
}

TEST_F(StreamCallTest, AnErrorIsAnAnswerAndTheStreamContinues) {
  auto stream = OpenStream(context, "PROBE1");
  EXPECT_EQ(Ask(*stream, ReadDpIdr(2)).error().kind(), v1::ERROR_KIND_NOT_OPEN);
  v1::StreamRequest open = Command(3);
  open.mutable_open();
  EXPECT_TRUE(Ask(*stream, open).has_open());
}

TEST_F(StreamCallTest, AnswersEverythingSentBeforeTheHalfCloseThenEndsWithOk) {
  auto stream = ConnectStream(context, "PROBE1");
  constexpr uint64_t kRequests = 1000;  // several times the limit of unanswered requests
  std::thread writer([&] {
    for (uint64_t id = 10; id < 10 + kRequests; ++id) stream->Write(ReadDpIdr(id));
    stream->WritesDone();
  });
  v1::StreamResponse response;
  for (uint64_t id = 10; id < 10 + kRequests; ++id) {
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.request_id(), id);
  }
  EXPECT_FALSE(stream->Read(&response));
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_TRUE(server.sessions.List("").empty());
}

TEST_F(StreamCallTest, ReadsAgainAfterTheLimitOfUnansweredRequests) {
  auto stream = ConnectStream(context, "PROBE1");
  wire->HoldTransfers();
  for (uint64_t id = 10; id < 10 + 600; ++id) ASSERT_TRUE(stream->Write(ReadDpIdr(id)));
  ASSERT_TRUE(wire->WaitUntilHeld(kBound));
  wire->ReleaseTransfers();
  v1::StreamResponse response;
  for (uint64_t id = 10; id < 10 + 600; ++id) {
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.request_id(), id);
  }
}

// By then, requests are read only after the previous answer, except for one request now and then.
TEST_F(StreamCallTest, AClientThatUsedToWaitMayPipelineRequests) {
  auto stream = ConnectStream(context, "PROBE1");
  uint64_t asked = 10;
  for (uint32_t i = 0; i < 2 * ClientPace::kTrust; ++i, ++asked) {
    ASSERT_EQ(Ask(*stream, ReadDpIdr(asked)).request_id(), asked);
  }
  wire->HoldTransfers();
  const uint64_t first = asked;
  for (; asked < first + 300; ++asked) ASSERT_TRUE(stream->Write(ReadDpIdr(asked)));
  ASSERT_TRUE(stream->WritesDone());
  ASSERT_TRUE(wire->WaitUntilHeld(kBound));
  wire->ReleaseTransfers();
  v1::StreamResponse response;
  for (uint64_t id = first; id < asked; ++id) {
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.request_id(), id);
  }
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamCallTest, AClientThatDisappearsWhileWaitingIsNoticedAtOnce) {
  {
    grpc::ClientContext going;
    auto stream = ConnectStream(going, "PROBE1");
    for (uint32_t i = 0; i <= ClientPace::kTrust; ++i) Ask(*stream, ReadDpIdr(10 + i));
    wire->HoldTransfers();
    ASSERT_TRUE(stream->Write(ReadDpIdr(1000)));
    ASSERT_TRUE(wire->WaitUntilHeld(kBound));
    going.TryCancel();
    EXPECT_FALSE(stream->Finish().ok());
  }
  EXPECT_TRUE(Eventually([&] { return server.sessions.List("PROBE1").empty(); }));
  wire->ReleaseTransfers();
}

TEST_F(StreamCallTest, APostedRequestIsNotAnswered) {
  auto stream = ConnectStream(context, "PROBE1");
  const auto post = [&](uint64_t id) {
    v1::StreamRequest request = Command(id);
    request.add_posted()->mutable_write_dp()->set_address(8);
    return stream->Write(request);
  };
  // Several times the limit of unanswered requests.
  for (uint64_t id = 10; id < 10 + 1000; ++id) ASSERT_TRUE(post(id));
  EXPECT_EQ(Ask(*stream, ReadDpIdr(5000)).request_id(), 5000u);
  v1::StreamRequest wrong = ReadDpIdr(5002);
  wrong.add_posted()->mutable_read_dp();
  const v1::StreamResponse told = Ask(*stream, wrong);
  EXPECT_EQ(told.request_id(), 5002u);
  EXPECT_EQ(told.error().kind(), v1::ERROR_KIND_INVALID_ARGUMENT);
  ASSERT_TRUE(post(5003));
  stream->WritesDone();
  v1::StreamResponse none;
  EXPECT_FALSE(stream->Read(&none));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamCallTest, TheNumberOfPostedRequestsIsLimited) {
  auto stream = ConnectStream(context, "PROBE1");
  v1::StreamRequest request = ReadDpIdr(10);
  for (int i = 0; i < 256; ++i) request.add_posted()->mutable_write_dp()->set_address(8);
  EXPECT_EQ(Ask(*stream, request).request_id(), 10u);
  request.add_posted()->mutable_write_dp()->set_address(8);
  const grpc::Status status = EndedBy(*stream, request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("257 posted requests"));
}

TEST_F(StreamCallTest, OpenSessionCannotCarryPostedRequests) {
  auto stream = debug_probe->Stream(&context);
  v1::StreamRequest request = OpenSessionRequest("PROBE1");
  request.add_posted()->mutable_lock();
  EXPECT_EQ(EndedBy(*stream, request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(StreamCallTest, PostedRequestsCannotBeNested) {
  auto stream = ConnectStream(context, "PROBE1");
  v1::StreamRequest request = ReadDpIdr(10);
  request.add_posted()->add_posted()->mutable_lock();
  EXPECT_EQ(EndedBy(*stream, request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(StreamCallTest, ASessionIsDroppedAtOnceWhenItsClientIsGone) {
  auto stream = ConnectStream(context, "PROBE1");
  v1::StreamRequest lock = Command(4);
  lock.mutable_lock();
  EXPECT_TRUE(Ask(*stream, lock).has_lock());
  context.TryCancel();
  EXPECT_TRUE(Eventually([&] { return server.sessions.List("").empty(); }));
  EXPECT_TRUE(Eventually([&] { return !wire->is_open(); }));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(StreamCallTest, ASessionThatWaitsForALockIsDroppedWhenItsClientIsGone) {
  auto holder = ConnectStream(context, "PROBE1");
  v1::StreamRequest lock = Command(4);
  lock.mutable_lock();
  EXPECT_TRUE(Ask(*holder, lock).has_lock());
  grpc::ClientContext waiting;
  auto waiter = OpenStream(waiting, "PROBE1");
  ASSERT_TRUE(waiter->Write(lock));
  EXPECT_TRUE(Eventually([&] { return server.sessions.List("").back().waits_for_lock(); }));
  waiting.TryCancel();
  EXPECT_TRUE(Eventually([&] { return server.sessions.List("").size() == 1; }));
}

TEST_F(StreamCallTest, TheFirstRequestMustOpenASession) {
  auto stream = debug_probe->Stream(&context);
  EXPECT_EQ(EndedBy(*stream, ReadDpIdr(1)).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(StreamCallTest, OnlyTheFirstRequestMayOpenASession) {
  auto stream = OpenStream(context, "PROBE1");
  EXPECT_EQ(EndedBy(*stream, OpenSessionRequest("PROBE1")).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(server.sessions.List("").empty());
}

TEST_F(StreamCallTest, AnUnknownProbeEndsTheStreamWithAnError) {
  auto stream = debug_probe->Stream(&context);
  const v1::StreamResponse response = Ask(*stream, OpenSessionRequest("nope"));
  EXPECT_EQ(response.error().kind(), v1::ERROR_KIND_NOT_FOUND);
  EXPECT_THAT(response.error().message(), HasSubstr("PROBE1"));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(StreamCallTest, PendingRequestsAreAnsweredWhenAnotherUserEndsTheSession) {
  auto holder = ConnectStream(context, "PROBE1");
  v1::StreamRequest lock = Command(4);
  lock.mutable_lock();
  EXPECT_TRUE(Ask(*holder, lock).has_lock());
  grpc::ClientContext waiting;
  auto waiter = OpenStream(waiting, "PROBE1");
  ASSERT_TRUE(waiter->Write(lock));
  EXPECT_TRUE(Eventually([&] { return server.sessions.List("").back().waits_for_lock(); }));

  grpc::ClientContext call;
  v1::EndSessionRequest end;
  end.set_session(server.sessions.List("").back().session());
  end.set_reason("maintenance");
  v1::EndSessionResponse ended;
  ASSERT_TRUE(directory->EndSession(&call, end, &ended).ok());
  v1::StreamResponse response;
  ASSERT_TRUE(waiter->Read(&response));
  EXPECT_EQ(response.request_id(), 4u);
  EXPECT_EQ(response.error().kind(), v1::ERROR_KIND_PROBE_DISCONNECTED);
  EXPECT_FALSE(waiter->Read(&response));
  const grpc::Status status = waiter->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_THAT(status.error_message(), HasSubstr("maintenance"));
  EXPECT_EQ(server.sessions.List("").size(), 1u);
}

TEST_F(StreamCallTest, AnEndedSessionIsGoneEvenIfItsClientDoesNotRead) {
  auto stream = ConnectStream(context, "PROBE1");
  v1::StreamRequest interface = Command(4);
  interface.mutable_get_memory_interface_for_ap()->set_ap_version(1);
  const uint32_t handle = Ask(*stream, interface).get_memory_interface_for_ap().handle();
  // More than the connection buffers while the client does not read.
  v1::StreamRequest read = Command(5);
  read.mutable_read_block8()->set_handle(handle);
  read.mutable_read_block8()->set_address(0x20000000);
  read.mutable_read_block8()->set_byte_count(64 * 1024);
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(stream->Write(read));
  ASSERT_TRUE(Eventually([&] { return server.sessions.List("")[0].command_count() > 150; }));
  ASSERT_TRUE(server.sessions.End(server.sessions.List("")[0].session(), "lunch", Caller(Peer{})).ok());
  EXPECT_TRUE(Eventually([&] { return server.sessions.List("").empty(); }));
  v1::StreamResponse response;
  while (stream->Read(&response)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(StreamCallTest, AStreamWhoseRequestDoesNotFitWaitsForRoom) {
  auto stream = ConnectStream(context, "PROBE1");
  Quota::Grant all = memory.TakeAnyway("127.0.0.1", memory.limits().per_client);
  EXPECT_EQ(Ask(*stream, ReadDpIdr(9)).request_id(), 9u) << "a small request waits for nothing";
  v1::StreamRequest read = Command(10);
  read.mutable_read_ap_multiple()->set_count(1 << 16);
  ASSERT_TRUE(stream->Write(read));
  ASSERT_TRUE(Eventually([&] { return memory.usage().refused_client > 0; }));
  all.GiveBack();
  v1::StreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.request_id(), 10u);
  EXPECT_TRUE(Eventually([&] { return memory.usage().taken == 0; }));
}

TEST_F(StreamCallTest, AStreamThatWaitsForRoomEndsWhenItsClientIsGone) {
  Quota::Grant all = memory.TakeAnyway("127.0.0.1", memory.limits().per_client);
  {
    grpc::ClientContext going;
    auto stream = ConnectStream(going, "PROBE1");
    v1::StreamRequest read = Command(10);
    read.mutable_read_ap_multiple()->set_count(1 << 16);
    ASSERT_TRUE(stream->Write(read));
    ASSERT_TRUE(Eventually([&] { return memory.usage().refused_client > 0; }));
    going.TryCancel();
  }
  EXPECT_TRUE(Eventually([&] { return server.sessions.List("").empty(); }));
}

TEST_F(StreamCallTest, AnswersThatAreNotReadStayWithinTheClientsShare) {
  auto stream = ConnectStream(context, "PROBE1");
  v1::StreamRequest read = Command(10);
  read.mutable_read_ap_multiple()->set_count(512 << 10);  // 2 MiB
  // Room for one answer at a time.
  Quota::Grant others = memory.TakeAnyway("127.0.0.1", memory.limits().per_client - (size_t{6} << 20));
  std::thread writer([&] {
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(stream->Write(read));
    stream->WritesDone();
  });
  ASSERT_TRUE(Eventually([&] { return memory.usage().refused_client > 0; }));
  uint64_t most = 0;
  v1::StreamResponse response;
  int answers = 0;
  while (stream->Read(&response)) {
    ++answers;
    most = std::max(most, memory.usage().taken);
  }
  writer.join();
  EXPECT_EQ(answers, 40);
  EXPECT_LE(most, memory.limits().per_client);
  others.GiveBack();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_TRUE(Eventually([&] { return memory.usage().taken == 0; }));
}

TEST_F(StreamCallTest, AFloodOfPostedRequestsIsRefusedBeforeItIsParsed) {
  auto stream = ConnectStream(context, "PROBE1");
  v1::StreamRequest request = ReadDpIdr(10);
  for (int i = 0; i < 500'000; ++i) request.add_posted();
  const grpc::Status status = EndedBy(*stream, request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("bytes of memory"));
}

TEST_F(StreamCallTest, TheFirstRequestIsSmall) {
  auto stream = debug_probe->Stream(&context);
  v1::StreamRequest request = OpenSessionRequest("PROBE1");
  request.mutable_open_session()->mutable_client()->set_name(std::string(100'000, 'x'));
  EXPECT_EQ(EndedBy(*stream, request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(server.sessions.List("").empty());
}

TEST_F(StreamCallTest, TheStreamEndsWhenTheProbeIsGone) {
  auto stream = ConnectStream(context, "PROBE1");
  wire->Unplug();
  const v1::StreamResponse response = Ask(*stream, ReadDpIdr(9));
  EXPECT_EQ(response.error().kind(), v1::ERROR_KIND_PROBE_DISCONNECTED);
  v1::StreamResponse none;
  EXPECT_FALSE(stream->Read(&none));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(StreamCallTest, SessionsAreToldWhenTheServerStops) {
  auto stream = ConnectStream(context, "PROBE1");
  server.catalog.Stop("server is shutting down");
  v1::StreamResponse none;
  EXPECT_FALSE(stream->Read(&none));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_message(), "server is shutting down");
  EXPECT_FALSE(wire->is_open());
}

}  // namespace
}  // namespace probegate
