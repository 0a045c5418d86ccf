#include "debug/grpc/probe_lister.h"

#include <chrono>
#include <future>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "base/background.h"
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
  for (const Server& server : lookup.servers) {
    answers.push_back(InBackground([&server] { return Ask(server); },
                                   [&server](const std::string& why) -> absl::StatusOr<v1::ListProbesResponse> {
                                     return absl::UnavailableError("the probegate-server at " + server.ToString() +
                                                                   " cannot be asked: " + why);
                                   }));
  }

  ProbeList list;
  const auto add_gap = [&list](const absl::Status& why) {
    absl::StrAppend(&list.gap, list.gap.empty() ? "" : "; ", why.message());
  };
  for (const FailedName& failure : lookup.failures) add_gap(failure.status);
  bool any_answered = false;
  for (size_t i = 0; i < answers.size(); ++i) {
    auto answer = answers[i].get();
    if (!answer.ok()) {
      add_gap(answer.status());
      continue;
    }
    any_answered = true;
    for (v1::ProbeStatus& probe : *answer->mutable_probes()) {
      list.probes.push_back({std::move(probe), lookup.servers[i].ToString()});
    }
  }
  if (!any_answered) return absl::UnavailableError(list.gap);
  return list;
}

}  // namespace probegate
