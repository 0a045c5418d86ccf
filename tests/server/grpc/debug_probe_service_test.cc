// Unary calls in a session, and the structure of the .proto file that they rely on.
#include "server/grpc/debug_probe_service.h"

#include <algorithm>
#include <future>
#include <map>
#include <set>

#include <grpcpp/generic/generic_stub.h>

#include "gmock/gmock.h"
#include "server/grpc/unary_commands.h"
#include "tests/base/bounded_wait.h"
#include "tests/server/grpc/rim_fixture.h"

namespace probegate {
namespace {

using testing::HasSubstr;

// Methods of DebugProbe that are not commands.
const std::set<std::string> kSessionMethods = {"OpenSession", "CloseSession", "Stream"};

std::map<std::string, std::string> CommandRows() {
  std::map<std::string, std::string> rows;
#define PROBEGATE_ROW(Name, field) rows[#Name] = #field;
  PROBEGATE_UNARY_COMMANDS(PROBEGATE_ROW)
#undef PROBEGATE_ROW
  return rows;
}

TEST(DebugProbeContractTest, EachMethodHasARowAndAFieldInBothOneofs) {
  const auto* service = v1::StreamRequest::descriptor()->file()->FindServiceByName("DebugProbe");
  const auto* requests = v1::StreamRequest::descriptor();
  const auto* responses = v1::StreamResponse::descriptor();
  std::map<std::string, std::string> rows = CommandRows();
  for (int i = 0; i < service->method_count(); ++i) {
    const auto* method = service->method(i);
    if (kSessionMethods.contains(method->name())) continue;
    ASSERT_EQ(rows.count(method->name()), 1u) << method->name() << " has no row in unary_commands.h";
    const std::string field = rows[method->name()];
    rows.erase(method->name());
    ASSERT_NE(requests->FindFieldByName(field), nullptr) << field;
    ASSERT_NE(responses->FindFieldByName(field), nullptr) << field;
    EXPECT_EQ(requests->FindFieldByName(field)->message_type(), method->input_type());
    EXPECT_EQ(responses->FindFieldByName(field)->message_type(), method->output_type());
    EXPECT_EQ(requests->FindFieldByName(field)->number(), responses->FindFieldByName(field)->number());
    EXPECT_NE(method->input_type()->FindFieldByName("session_id"), nullptr) << method->name();
  }
  EXPECT_TRUE(rows.empty()) << rows.begin()->first << " is not a method";
  EXPECT_EQ(requests->oneof_decl(0)->field_count(), service->method_count() - 2) << "open_session, and each command";
}

class DebugProbeServiceTest : public RimTest {
 protected:
  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::DebugProbe::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response& response) {
    grpc::ClientContext context;
    return (debug_probe.get()->*method)(&context, request, &response);
  }
  std::string Open(uint32_t idle_timeout = 0) {
    v1::OpenSessionRequest request;
    request.set_probe("PROBE1");
    request.set_idle_timeout_seconds(idle_timeout);
    v1::OpenSessionResponse response;
    EXPECT_TRUE(Call(&v1::DebugProbe::Stub::OpenSession, request, response).ok());
    return response.session_id();
  }
  template <typename Request>
  static Request In(const std::string& session) {
    Request request;
    request.set_session_id(session);
    return request;
  }

  const std::shared_ptr<FakeWire> wire = server.Plug("PROBE1");
};

// A method that is not overridden is UNIMPLEMENTED.
TEST_F(DebugProbeServiceTest, EachCommandIsImplementedAndNeedsASession){
#define PROBEGATE_CALL(Name, field)                                                                         \
  {                                                                                                         \
    v1::Name##Response response;                                                                            \
    const grpc::Status status = Call(&v1::DebugProbe::Stub::Name, In<v1::Name##Request>("none"), response); \
    EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND) << #Name << ": " << status.error_message(); \
  }
    PROBEGATE_UNARY_COMMANDS(PROBEGATE_CALL)
#undef PROBEGATE_CALL
}

TEST_F(DebugProbeServiceTest, CommandsRunInTheirSession) {
  const std::string session = Open();
  v1::OpenResponse opened;
  EXPECT_TRUE(Call(&v1::DebugProbe::Stub::Open, In<v1::OpenRequest>(session), opened).ok());
  v1::ConnectResponse connected;
  EXPECT_TRUE(Call(&v1::DebugProbe::Stub::Connect, In<v1::ConnectRequest>(session), connected).ok());
  EXPECT_EQ(connected.protocol(), v1::WIRE_PROTOCOL_SWD);
  v1::GetStateResponse state;
  EXPECT_TRUE(Call(&v1::DebugProbe::Stub::GetState, In<v1::GetStateRequest>(session), state).ok());
  EXPECT_TRUE(state.is_open());
}

TEST_F(DebugProbeServiceTest, AnErrorHasItsCodeAndDetail) {
  v1::ReadDpResponse response;
  const grpc::Status status = Call(&v1::DebugProbe::Stub::ReadDp, In<v1::ReadDpRequest>(Open()), response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_details(), HasSubstr("probegate.v1.ErrorDetail"));
}

TEST_F(DebugProbeServiceTest, AClosedSessionIsNotFoundAndItsProbeIsFree) {
  const std::string session = Open();
  v1::OpenResponse opened;
  EXPECT_TRUE(Call(&v1::DebugProbe::Stub::Open, In<v1::OpenRequest>(session), opened).ok());
  v1::CloseSessionResponse closed;
  EXPECT_TRUE(Call(&v1::DebugProbe::Stub::CloseSession, In<v1::CloseSessionRequest>(session), closed).ok());
  EXPECT_EQ(Call(&v1::DebugProbe::Stub::Open, In<v1::OpenRequest>(session), opened).error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(Eventually([&] { return !wire->is_open(); }));
}

// A call whose session is closed by its client or ended by another user gets CANCELLED and the reason, whether it is
// queued or running.
class CutOffTest : public DebugProbeServiceTest, public testing::WithParamInterface<bool> {
 protected:
  void EndIt(const std::string& session) {
    grpc::ClientContext context;
    if (GetParam()) {
      v1::EndSessionRequest request;
      request.set_session(session);
      request.set_reason("lunch");
      v1::EndSessionResponse response;
      EXPECT_TRUE(directory->EndSession(&context, request, &response).ok());
    } else {
      v1::CloseSessionResponse response;
      EXPECT_TRUE(Call(&v1::DebugProbe::Stub::CloseSession, In<v1::CloseSessionRequest>(session), response).ok());
    }
  }
  static void ExpectCutOff(const grpc::Status& status) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
    EXPECT_THAT(status.error_message(), HasSubstr(GetParam() ? "lunch" : "closed"));
  }
};
INSTANTIATE_TEST_SUITE_P(ByClosingOrEnding, CutOffTest, testing::Bool());

TEST_P(CutOffTest, ACallInTheQueue) {
  const std::string holder = Open();
  const std::string waiter = Open();
  v1::LockResponse locked;
  ASSERT_TRUE(Call(&v1::DebugProbe::Stub::Lock, In<v1::LockRequest>(holder), locked).ok());
  auto waiting = std::async(std::launch::async, [&] {
    v1::LockResponse response;
    return Call(&v1::DebugProbe::Stub::Lock, In<v1::LockRequest>(waiter), response);
  });
  ASSERT_TRUE(Eventually([&] {
    const auto sessions = server.sessions.List("PROBE1");
    return std::any_of(sessions.begin(), sessions.end(), [](const auto& session) { return session.waits_for_lock(); });
  }));
  EndIt(waiter);
  ExpectCutOff(Awaited(std::move(waiting), "the call's end"));
}

TEST_P(CutOffTest, ACallOnTheWire) {
  const std::string session = Open();
  v1::OpenResponse opened;
  ASSERT_TRUE(Call(&v1::DebugProbe::Stub::Open, In<v1::OpenRequest>(session), opened).ok());
  v1::ConnectResponse connected;
  ASSERT_TRUE(Call(&v1::DebugProbe::Stub::Connect, In<v1::ConnectRequest>(session), connected).ok());
  wire->HoldTransfers();
  auto waiting = std::async(std::launch::async, [&] {
    v1::ReadDpResponse response;
    return Call(&v1::DebugProbe::Stub::ReadDp, In<v1::ReadDpRequest>(session), response);
  });
  ASSERT_TRUE(wire->WaitUntilHeld(kBound));
  EndIt(session);
  wire->ReleaseTransfers();
  ExpectCutOff(Awaited(std::move(waiting), "the call's end"));
}

TEST_F(DebugProbeServiceTest, ACallWhoseProbeIsLostIsUnavailable) {
  const std::string holder = Open();
  const std::string waiter = Open();
  v1::LockResponse locked;
  ASSERT_TRUE(Call(&v1::DebugProbe::Stub::Lock, In<v1::LockRequest>(holder), locked).ok());
  auto waiting = std::async(std::launch::async, [&] {
    v1::LockResponse response;
    return Call(&v1::DebugProbe::Stub::Lock, In<v1::LockRequest>(waiter), response);
  });
  ASSERT_TRUE(Eventually([&] {
    const auto sessions = server.sessions.List("PROBE1");
    return std::any_of(sessions.begin(), sessions.end(), [](const auto& session) { return session.waits_for_lock(); });
  }));
  wire->Unplug();
  EXPECT_EQ(Awaited(std::move(waiting), "the call's end").error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(DebugProbeServiceTest, AnUnknownProbeIsNotFoundAndTheMessageListsTheProbes) {
  v1::OpenSessionRequest request;
  request.set_probe("nope");
  v1::OpenSessionResponse response;
  const grpc::Status status = Call(&v1::DebugProbe::Stub::OpenSession, request, response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("PROBE1"));
}

TEST_F(DebugProbeServiceTest, AProbeThatIsAwayIsUnavailable) {
  wire->Unplug();
  ASSERT_TRUE(Eventually([&] { return server.IsAway("PROBE1"); }));
  v1::OpenSessionRequest request;
  request.set_probe("PROBE1");
  v1::OpenSessionResponse response;
  EXPECT_EQ(Call(&v1::DebugProbe::Stub::OpenSession, request, response).error_code(), grpc::StatusCode::UNAVAILABLE);
}

// A call whose message is raw bytes, on a channel that may send large ones.
grpc::Status CallRaw(const Endpoint& server, const std::string& path, const std::string& message) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxSendMessageSize(-1);
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub(
      grpc::CreateCustomChannel(server.ToString(), grpc::InsecureChannelCredentials(), arguments));
  const grpc::Slice slice(message);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  grpc::ClientContext context;
  std::promise<grpc::Status> status;
  stub.UnaryCall(&context, path, grpc::StubOptions(), &request, &response,
                 [&status](const grpc::Status& ended) { status.set_value(ended); });
  return Awaited(status.get_future(), "the call's end");
}

std::string Repeat(const std::string& text, size_t times) {
  std::string repeated;
  for (size_t i = 0; i < times; ++i) repeated += text;
  return repeated;
}

TEST_F(DebugProbeServiceTest, AClientWithoutASessionIsRefusedBeforeItsMessageIsRead) {
  const std::string not_a_message(1 << 20, '\xff');
  EXPECT_EQ(CallRaw(grpc_server->endpoint(), "/probegate.v1.DebugProbe/SwdSequence", not_a_message).error_code(),
            grpc::StatusCode::NOT_FOUND);
  Open();
  EXPECT_EQ(CallRaw(grpc_server->endpoint(), "/probegate.v1.DebugProbe/SwdSequence", not_a_message).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(DebugProbeServiceTest, AMessageThatWouldGrowIsRefusedBeforeItIsParsed) {
  Open();
  const std::string empty_segments = Repeat(std::string("\x12\x00", 2), 5 << 20);
  const grpc::Status status = CallRaw(grpc_server->endpoint(), "/probegate.v1.DebugProbe/SwdSequence", empty_segments);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("bytes of memory"));
}

TEST_F(DebugProbeServiceTest, AMessageOfACommandThatNeedsLittleIsSmall) {
  Open();
  v1::ReadDpRequest request;
  request.set_session_id(std::string(100'000, 'x'));
  v1::ReadDpResponse response;
  EXPECT_EQ(Call(&v1::DebugProbe::Stub::ReadDp, request, response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(DebugProbeServiceTest, ACallThatDoesNotFitWaitsForRoom) {
  const std::string session = Open();
  Quota::Grant all = memory.TakeAnyway("127.0.0.1", memory.limits().per_client);
  v1::ReadBlock8Request request = In<v1::ReadBlock8Request>(session);
  request.set_byte_count(1 << 20);
  auto answered = std::async(std::launch::async, [&] {
    v1::ReadBlock8Response response;
    return Call(&v1::DebugProbe::Stub::ReadBlock8, request, response);
  });
  ASSERT_TRUE(Eventually([&] { return memory.usage().refused_client > 0; }));
  v1::GetStateResponse state;
  EXPECT_TRUE(Call(&v1::DebugProbe::Stub::GetState, In<v1::GetStateRequest>(session), state).ok())
      << "a small call waits for nothing";
  all.GiveBack();
  EXPECT_EQ(Awaited(std::move(answered), "the answer").error_code(), grpc::StatusCode::FAILED_PRECONDITION)
      << "the session has not opened the probe";
  EXPECT_TRUE(Eventually([&] { return memory.usage().taken == 0 && calls.usage().taken == 0; }));
}

TEST_F(DebugProbeServiceTest, UnaryCallsOfAClientAreLimited) {
  const std::string session = Open();
  Quota::Grant all = calls.TakeAnyway("127.0.0.1", calls.limits().per_client);
  v1::GetStateResponse state;
  EXPECT_EQ(Call(&v1::DebugProbe::Stub::GetState, In<v1::GetStateRequest>(session), state).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  v1::CloseSessionResponse closed;
  EXPECT_TRUE(Call(&v1::DebugProbe::Stub::CloseSession, In<v1::CloseSessionRequest>(session), closed).ok());
}

TEST_F(DebugProbeServiceTest, ASecondServerCannotUseTheSamePort) {
  MetricSet metrics;
  const auto second =
      GrpcServer::Start(accepting.At(grpc_server->endpoint()), "machine", server.catalog, server.sessions,
                        server.unary_sessions, server.access, {memory, calls, watches}, metrics);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(grpc_server->endpoint().ToString()));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("in use"));
}

}  // namespace
}  // namespace probegate
