#include "cli/servers/server_client.h"

#include <array>
#include <chrono>
#include <cmath>

#include <google/protobuf/util/time_util.h>

#include "base/grpc/channel.h"
#include "cli/print/failure.h"
#include "google/rpc/status.pb.h"

namespace probegate {
namespace {

constexpr std::chrono::seconds kConnectBound{5};
// How long to retry if the connection is refused: as long as a server needs that is just being started.
constexpr std::chrono::seconds kRefusedBound{1};
constexpr std::chrono::seconds kCallBound{10};
constexpr int32_t kNanosPerSecond = 1'000'000'000;

struct KindRow {
  v1::ErrorKind kind;
  ExitCode code;
};
// All other kinds become kFailed.
constexpr std::array<KindRow, 6> kKinds = {{
    {v1::ERROR_KIND_INVALID_ARGUMENT, ExitCode::kUsage},
    {v1::ERROR_KIND_PROBE_DISCONNECTED, ExitCode::kAway},
    {v1::ERROR_KIND_BUSY, ExitCode::kBusy},
    {v1::ERROR_KIND_NOT_FOUND, ExitCode::kNotFound},
    {v1::ERROR_KIND_UNAUTHENTICATED, ExitCode::kDenied},
    {v1::ERROR_KIND_DENIED, ExitCode::kDenied},
}};

bool UnpackDetail(const grpc::Status& status, v1::ErrorDetail& detail) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return false;
  for (const google::protobuf::Any& any : details.details()) {
    if (any.UnpackTo(&detail)) return true;
  }
  return false;
}

// One unary call, with a deadline.
template <typename Stub, typename Request, typename Response>
grpc::Status Call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request, Response& response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallBound);
  return (stub.*method)(&context, request, &response);
}

// Whether the time is within the years 1 to 9999, as google.protobuf.Timestamp requires. Other times cannot be
// converted to text or microseconds.
bool IsTime(const google::protobuf::Timestamp& time) {
  using google::protobuf::util::TimeUtil;
  return time.seconds() >= TimeUtil::kTimestampMinSeconds && time.seconds() <= TimeUtil::kTimestampMaxSeconds &&
         time.nanos() >= 0 && time.nanos() < kNanosPerSecond;
}

}  // namespace

Failure NotAsked(const Server& server, const std::string& why) {
  return {ExitCode::kUnreachable, "the server at " + server.ToString() + " cannot be asked: " + why};
}

void Throw(const v1::ErrorDetail& error) {
  ExitCode code = ExitCode::kFailed;
  for (const KindRow& row : kKinds) {
    if (row.kind == error.kind()) code = row.code;
  }
  throw Failure(code, error.message());
}

ServerClient::ServerClient(const Server& server, const ChannelSecurity& security)
    : server_(server),
      channel_(MakeChannel(server.address.ToString(), {.authority = server.name.ToString(), .security = security})),
      debug_probe_(v1::DebugProbe::NewStub(channel_)),
      directory_(v1::ProbeDirectory::NewStub(channel_)) {}

void ServerClient::Connect() {
  const auto begin = std::chrono::system_clock::now();
  while (true) {
    const grpc_connectivity_state state = channel_->GetState(true);
    if (state == GRPC_CHANNEL_READY) return;
    const auto bound = state == GRPC_CHANNEL_TRANSIENT_FAILURE ? kRefusedBound : kConnectBound;
    if (channel_->WaitForStateChange(state, begin + bound)) continue;
    throw Failure(ExitCode::kUnreachable, "no probegate-server answers at " + server_.ToString() + "; " +
                                              ReasonNotConnected(channel_, "is it running? (--server)"));
  }
}

void ServerClient::Check(const grpc::Status& status) const {
  if (status.ok()) return;
  if (v1::ErrorDetail detail; UnpackDetail(status, detail)) Throw(detail);
  const std::string here = "the server at " + server_.ToString();
  switch (status.error_code()) {
    case grpc::StatusCode::UNIMPLEMENTED:
      throw Failure(ExitCode::kUnreachable, here +
                                                " does not implement this call: its version differs from that of this"
                                                " program, which is " PROBEGATE_VERSION);
    case grpc::StatusCode::UNAVAILABLE:
      throw Failure(ExitCode::kUnreachable, here + " is gone: " + status.error_message());
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      throw Failure(ExitCode::kUnreachable, here + " does not answer");
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      throw Failure(ExitCode::kDenied, here + ": " + status.error_message());
    default:
      throw Failure(ExitCode::kFailed, here + ": " + status.error_message());
  }
}

void ServerClient::CheckSense(bool makes_sense) const {
  if (makes_sense) return;
  throw Failure(ExitCode::kUnreachable, "the server at " + server_.ToString() + " sent an invalid timestamp");
}

v1::ListProbesResponse ServerClient::ListProbes(bool include_unserved) {
  v1::ListProbesRequest request;
  request.set_include_unserved(include_unserved);
  v1::ListProbesResponse response;
  Check(Call(*directory_, &v1::ProbeDirectory::Stub::ListProbes, request, response));
  return response;
}

v1::ListSessionsResponse ServerClient::ListSessions(const std::string& probe) {
  v1::ListSessionsRequest request;
  request.set_probe(probe);
  v1::ListSessionsResponse response;
  Check(Call(*directory_, &v1::ProbeDirectory::Stub::ListSessions, request, response));
  for (const v1::SessionInfo& session : response.sessions()) {
    CheckSense(IsTime(session.opened_at()) && IsTime(session.last_command_at()));
  }
  return response;
}

v1::StatsResponse ServerClient::Stats(const std::string& probe) {
  v1::StatsRequest request;
  request.set_probe(probe);
  v1::StatsResponse response;
  Check(Call(*directory_, &v1::ProbeDirectory::Stub::Stats, request, response));
  CheckSense(IsTime(response.time()) && std::isfinite(response.uptime_seconds()));
  return response;
}

v1::WhoAmIResponse ServerClient::WhoAmI() {
  v1::WhoAmIResponse response;
  Check(Call(*directory_, &v1::ProbeDirectory::Stub::WhoAmI, {}, response));
  CheckSense(IsTime(response.expires_at()));
  return response;
}

void ServerClient::EndSession(const std::string& session, const std::string& reason) {
  v1::EndSessionRequest request;
  request.set_session(session);
  request.set_reason(reason);
  v1::EndSessionResponse response;
  Check(Call(*directory_, &v1::ProbeDirectory::Stub::EndSession, request, response));
}

}  // namespace probegate
