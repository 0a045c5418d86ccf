#include "debug/grpc/probe_lister.h"

#include <chrono>
#include <future>
#include <map>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "base/grpc/channel.h"
#include "base/server_list.h"
#include "probegate/v1/probe_directory.grpc.pb.h"

namespace probegate {
namespace {

constexpr std::chrono::seconds kBound{3};

absl::StatusOr<v1::ListProbesResponse> Ask(const Server& server) {
  const auto directory =
      v1::ProbeDirectory::NewStub(MakeChannel(server.address.ToString(), {.authority = server.name.ToString()}));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kBound);
  v1::ListProbesResponse response;
  const grpc::Status status = directory->ListProbes(&context, {}, &response);
  if (status.ok()) return response;
  return absl::UnavailableError("the probegate-server at " + server.ToString() +
                                " does not answer: " + status.error_message());
}

}  // namespace

absl::StatusOr<ProbeList> ProbeLister::List() const {
  const ServerLookup lookup = LookUpServers(servers_);
  std::vector<std::future<absl::StatusOr<v1::ListProbesResponse>>> answers;
  for (const Server& server : lookup.servers) answers.push_back(std::async(std::launch::async, Ask, server));

  std::string gap;
  const auto add_gap = [&gap](const absl::Status& why) {
    absl::StrAppend(&gap, gap.empty() ? "" : "; ", why.message());
  };
  for (const FailedName& failure : lookup.failures) add_gap(failure.status);
  std::map<std::string, v1::ProbeStatus> probes;
  bool any_answered = false;
  for (auto& pending : answers) {
    auto answer = pending.get();
    if (!answer.ok()) {
      add_gap(answer.status());
      continue;
    }
    any_answered = true;
    for (v1::ProbeStatus& probe : *answer->mutable_probes()) {
      const std::string unique_id = probe.description().unique_id();
      const auto [known, is_new] = probes.try_emplace(unique_id, probe);
      if (!is_new && known->second.state() == v1::PROBE_STATE_AWAY) known->second = std::move(probe);
    }
  }
  if (!any_answered) return absl::UnavailableError(gap);
  ProbeList list{.probes = {}, .gap = std::move(gap)};
  for (auto& [unique_id, probe] : probes) *list.probes.add_probes() = std::move(probe);
  return list;
}

}  // namespace probegate
