#include "server/grpc/probe_directory_service.h"

#include <memory>
#include <set>
#include <utility>

#include <google/protobuf/util/time_util.h>

#include "access/policy.h"
#include "access/rights.h"
#include "base/labels.h"
#include "server/access/messages.h"
#include "server/grpc/messages.h"
#include "server/grpc/stats.h"
#include "server/grpc/watch_call.h"

namespace probegate {
namespace {

constexpr char kService[] = "/probegate.v1.ProbeDirectory/";

void Fill(const GrantedRight& granted, v1::GrantedRight& message) {
  message.set_right(std::string(RowOf(granted.right).name));
  message.set_rule(granted.rule);
}

}  // namespace

ProbeDirectoryService::ProbeDirectoryService(std::string host, Catalog& catalog, SessionRegistry& sessions,
                                             AccessControl& access, CallLimits& limits, const CallGate& gate)
    : RawService(gate),
      host_(std::move(host)),
      catalog_(catalog),
      sessions_(sessions),
      access_(access),
      limits_(limits) {
  AddUnary("ListProbes", &ProbeDirectoryService::ListProbes);
  AddUnary("ListSessions", &ProbeDirectoryService::ListSessions);
  AddUnary("EndSession", &ProbeDirectoryService::EndSession, /*frees=*/true);
  AddUnary("Stats", &ProbeDirectoryService::Stats);
  AddUnary("WhoAmI", &ProbeDirectoryService::WhoAmI);
  Add(WatchCall::kMethod, [this](grpc::CallbackServerContext&, Caller caller, RpcScope rpc) {
    return WatchCall::Start(catalog_, access_, limits_.quotas.watches, std::move(caller), std::move(rpc));
  });
}

template <typename Request, typename Response>
void ProbeDirectoryService::AddUnary(const std::string& name,
                                     absl::Status (ProbeDirectoryService::*answer)(const Caller&, const Request&,
                                                                                   Response&) const,
                                     bool frees) {
  const auto run = [this, answer](UnaryCall& call, grpc::ByteBuffer& message, size_t parsed_bytes) {
    Request request;
    if (absl::Status wrong = Parse(message, request); !wrong.ok()) return call.Fail(wrong);
    Response response;
    if (absl::Status wrong = (this->*answer)(call.caller(), request, response); !wrong.ok()) return call.Fail(wrong);
    const size_t bytes = parsed_bytes + response.ByteSizeLong();
    call.TakeMemory(bytes, [&call, response = std::move(response)] { call.Answer(response); });
  };
  const UnaryMethod& added = methods_.emplace_back(
      UnaryMethod{.size = ParsedSize(*Request::descriptor()), .frees = frees, .admit = nullptr, .run = run});
  Add(kService + name, [this, &added](grpc::CallbackServerContext& context, Caller caller, RpcScope rpc) {
    return UnaryCall::Start(added, limits_, context, std::move(caller), std::move(rpc));
  });
}

absl::StatusOr<std::string> ProbeDirectoryService::Resolve(const Caller& caller, const std::string& probe) const {
  if (probe.empty()) return probe;
  return catalog_.Resolve(probe,
                          [&](const v1::ProbeDescription& known) { return access_.MayView(caller, NamesOf(known)); });
}

absl::Status ProbeDirectoryService::ListProbes(const Caller& caller, const v1::ListProbesRequest& request,
                                               v1::ListProbesResponse& response) const {
  for (v1::ProbeStatus& probe : catalog_.List()) {
    if (!access_.MayView(caller, NamesOf(probe.description()))) continue;
    if (HasLabels(probe.description().labels(), request.labels())) *response.add_probes() = std::move(probe);
  }
  if (request.include_unserved()) {
    for (v1::UnservedDevice& device : catalog_.unserved().List()) {
      if (access_.MayView(caller, {.uid = device.unique_id(), .labels = {}})) {
        *response.add_unserved() = std::move(device);
      }
    }
  }
  response.set_host(host_);
  return absl::OkStatus();
}

absl::Status ProbeDirectoryService::ListSessions(const Caller& caller, const v1::ListSessionsRequest& request,
                                                 v1::ListSessionsResponse& response) const {
  const absl::StatusOr<std::string> probe = Resolve(caller, request.probe());
  if (!probe.ok()) return probe.status();
  std::set<std::string> viewed;
  for (const v1::ProbeStatus& known : catalog_.List()) {
    if (access_.MayView(caller, NamesOf(known.description()))) viewed.insert(known.description().unique_id());
  }
  for (v1::SessionInfo& session : sessions_.List(*probe)) {
    if (viewed.contains(session.probe())) *response.add_sessions() = std::move(session);
  }
  response.set_host(host_);
  return absl::OkStatus();
}

absl::Status ProbeDirectoryService::EndSession(const Caller& caller, const v1::EndSessionRequest& request,
                                               v1::EndSessionResponse&) const {
  return sessions_.End(request.session(), request.reason(), caller);
}

absl::Status ProbeDirectoryService::Stats(const Caller& caller, const v1::StatsRequest& request,
                                          v1::StatsResponse& response) const {
  const absl::StatusOr<std::string> probe = Resolve(caller, request.probe());
  if (!probe.ok()) return probe.status();
  for (const ProbeStats& stats : catalog_.Stats()) {
    const v1::ProbeDescription& description = stats.status.description();
    if (!access_.MayView(caller, NamesOf(description))) continue;
    if (probe->empty() || description.unique_id() == *probe) *response.add_probes() = ToMessage(stats);
  }
  *response.mutable_time() = google::protobuf::util::TimeUtil::GetCurrentTime();
  response.set_uptime_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count());
  response.set_host(host_);
  return absl::OkStatus();
}

absl::Status ProbeDirectoryService::WhoAmI(const Caller& caller, const v1::WhoAmIRequest&,
                                           v1::WhoAmIResponse& response) const {
  const std::shared_ptr<const Policy> policy = access_.policy();
  *response.mutable_identity() = ToMessage(caller.identity);
  if (caller.identity.expires != absl::InfiniteFuture()) {
    *response.mutable_expires_at() =
        google::protobuf::util::TimeUtil::SecondsToTimestamp(absl::ToUnixSeconds(caller.identity.expires));
  }
  response.set_policy(policy->version());
  for (const v1::ProbeStatus& known : catalog_.List()) {
    const ProbeNames names = NamesOf(known.description());
    if (!access_.MaySee(caller, names)) continue;
    v1::ProbeRights rights;
    for (const GrantedRight& granted : policy->RightsOf(caller.identity, names)) {
      if (RowOf(granted.right).per_probe) Fill(granted, *rights.add_rights());
    }
    if (rights.rights().empty()) continue;
    rights.set_probe(known.description().unique_id());
    *response.add_probes() = std::move(rights);
  }
  for (const GrantedRight& granted : policy->RightsOf(caller.identity, {})) {
    if (!RowOf(granted.right).per_probe) Fill(granted, *response.add_rights());
  }
  response.set_host(host_);
  return absl::OkStatus();
}

}  // namespace probegate
