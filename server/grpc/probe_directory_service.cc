#include "server/grpc/probe_directory_service.h"

#include <utility>

#include <google/protobuf/util/time_util.h>

#include "base/labels.h"
#include "server/grpc/messages.h"
#include "server/grpc/stats.h"
#include "server/grpc/watch_call.h"

namespace probegate {
namespace {

constexpr char kService[] = "/probegate.v1.ProbeDirectory/";

}  // namespace

ProbeDirectoryService::ProbeDirectoryService(std::string host, Catalog& catalog, SessionRegistry& sessions,
                                             CallLimits& limits, const RpcMetrics& rpcs)
    : host_(std::move(host)), catalog_(catalog), sessions_(sessions), limits_(limits), rpcs_(rpcs) {
  AddUnary("ListProbes", &ProbeDirectoryService::ListProbes);
  AddUnary("ListSessions", &ProbeDirectoryService::ListSessions);
  AddUnary("EndSession", &ProbeDirectoryService::EndSession, /*frees=*/true);
  AddUnary("Stats", &ProbeDirectoryService::Stats);
  Add(WatchCall::kMethod, [this](grpc::CallbackServerContext* context) {
    return WatchCall::Start(catalog_, limits_.quotas.watches, *context, rpcs_.Begin(WatchCall::kMethod));
  });
}

template <typename Request, typename Response>
void ProbeDirectoryService::AddUnary(const std::string& name,
                                     absl::Status (ProbeDirectoryService::*answer)(const Request&, Response&) const,
                                     bool frees) {
  const auto run = [this, answer](UnaryCall& call, grpc::ByteBuffer& message, size_t parsed_bytes) {
    Request request;
    if (absl::Status wrong = Parse(message, request); !wrong.ok()) return call.Fail(wrong);
    Response response;
    if (absl::Status wrong = (this->*answer)(request, response); !wrong.ok()) return call.Fail(wrong);
    call.TakeMemory(parsed_bytes + response.ByteSizeLong(),
                    [&call, response = std::move(response)] { call.Answer(response); });
  };
  const UnaryMethod& added = methods_.emplace_back(
      UnaryMethod{.size = ParsedSize(*Request::descriptor()), .frees = frees, .admit = nullptr, .run = run});
  const std::string path = kService + name;
  Add(path, [this, &added, path](grpc::CallbackServerContext* context) {
    return UnaryCall::Start(added, limits_, *context, rpcs_.Begin(path));
  });
}

absl::Status ProbeDirectoryService::ListProbes(const v1::ListProbesRequest& request,
                                               v1::ListProbesResponse& response) const {
  for (v1::ProbeStatus& probe : catalog_.List()) {
    if (HasLabels(probe.description().labels(), request.labels())) *response.add_probes() = std::move(probe);
  }
  if (request.include_unserved()) {
    for (v1::UnservedDevice& device : catalog_.unserved().List()) *response.add_unserved() = std::move(device);
  }
  response.set_host(host_);
  return absl::OkStatus();
}

absl::Status ProbeDirectoryService::ListSessions(const v1::ListSessionsRequest& request,
                                                 v1::ListSessionsResponse& response) const {
  absl::StatusOr<std::string> probe = request.probe();
  if (!probe->empty()) probe = catalog_.Resolve(*probe);
  if (!probe.ok()) return probe.status();
  for (v1::SessionInfo& session : sessions_.List(*probe)) *response.add_sessions() = std::move(session);
  response.set_host(host_);
  return absl::OkStatus();
}

absl::Status ProbeDirectoryService::EndSession(const v1::EndSessionRequest& request, v1::EndSessionResponse&) const {
  return sessions_.End(request.session(), request.reason());
}

absl::Status ProbeDirectoryService::Stats(const v1::StatsRequest& request, v1::StatsResponse& response) const {
  absl::StatusOr<std::string> probe = request.probe();
  if (!probe->empty()) probe = catalog_.Resolve(*probe);
  if (!probe.ok()) return probe.status();
  for (const ProbeStats& stats : catalog_.Stats()) {
    if (probe->empty() || stats.status.description().unique_id() == *probe) *response.add_probes() = ToMessage(stats);
  }
  *response.mutable_time() = google::protobuf::util::TimeUtil::GetCurrentTime();
  response.set_uptime_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count());
  response.set_host(host_);
  return absl::OkStatus();
}

}  // namespace probegate
