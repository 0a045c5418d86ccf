#include "server/grpc/probe_directory_service.h"

#include <google/protobuf/util/time_util.h>

#include "base/labels.h"
#include "server/grpc/stats.h"
#include "server/grpc/status.h"
#include "server/grpc/watch_call.h"

namespace probegate {
namespace {

grpc::ServerUnaryReactor* Finished(grpc::CallbackServerContext* context, const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* ProbeDirectoryService::ListProbes(grpc::CallbackServerContext* context,
                                                            const v1::ListProbesRequest* request,
                                                            v1::ListProbesResponse* response) {
  for (v1::ProbeStatus& probe : catalog_.List()) {
    if (HasLabels(probe.description().labels(), request->labels())) *response->add_probes() = std::move(probe);
  }
  if (request->include_unserved()) {
    for (v1::UnservedDevice& device : catalog_.unserved().List()) *response->add_unserved() = std::move(device);
  }
  response->set_host(host_);
  return Finished(context, absl::OkStatus());
}

grpc::ServerWriteReactor<v1::WatchProbesResponse>* ProbeDirectoryService::WatchProbes(grpc::CallbackServerContext*,
                                                                                      const v1::WatchProbesRequest*) {
  return WatchCall::Start(catalog_, rpcs_.Begin(WatchCall::kMethod));
}

grpc::ServerUnaryReactor* ProbeDirectoryService::ListSessions(grpc::CallbackServerContext* context,
                                                              const v1::ListSessionsRequest* request,
                                                              v1::ListSessionsResponse* response) {
  absl::StatusOr<std::string> probe = request->probe();
  if (!probe->empty()) probe = catalog_.Resolve(*probe);
  if (!probe.ok()) return Finished(context, probe.status());
  for (v1::SessionInfo& session : sessions_.List(*probe)) *response->add_sessions() = std::move(session);
  response->set_host(host_);
  return Finished(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* ProbeDirectoryService::EndSession(grpc::CallbackServerContext* context,
                                                            const v1::EndSessionRequest* request,
                                                            v1::EndSessionResponse*) {
  return Finished(context, sessions_.End(request->session(), request->reason()));
}

grpc::ServerUnaryReactor* ProbeDirectoryService::Stats(grpc::CallbackServerContext* context,
                                                       const v1::StatsRequest* request, v1::StatsResponse* response) {
  absl::StatusOr<std::string> probe = request->probe();
  if (!probe->empty()) probe = catalog_.Resolve(*probe);
  if (!probe.ok()) return Finished(context, probe.status());
  for (const ProbeStats& stats : catalog_.Stats()) {
    if (probe->empty() || stats.status.description().unique_id() == *probe) *response->add_probes() = ToMessage(stats);
  }
  *response->mutable_time() = google::protobuf::util::TimeUtil::GetCurrentTime();
  response->set_uptime_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count());
  response->set_host(host_);
  return Finished(context, absl::OkStatus());
}

}  // namespace probegate
