#include "cli/servers/server_group.h"

#include <string>

#include "base/server_list.h"
#include "cli/print/complain.h"

namespace probegate {

ServerGroup::ServerGroup(const std::vector<Endpoint>& names, const ChannelSecurity& security) {
  const ServerLookup lookup = LookUpServers(names);
  for (const Server& server : lookup.servers) {
    servers_.push_back(std::make_unique<ServerClient>(server, security));
    asked_.push_back(servers_.back().get());
  }
  for (const FailedName& failed : lookup.failures) {
    failures_.emplace_back(ExitCode::kUnreachable, std::string(failed.status.message()));
  }
}

ExitCode ServerGroup::ReportFailures() const {
  for (const Failure& failure : failures_) Complain(failure.what());
  return failures_.empty() ? ExitCode::kOk : failures_.front().code;
}

void ServerGroup::ThrowIfNoneAnswers() const {
  if (!asked_.empty()) return;
  for (size_t i = 0; i + 1 < failures_.size(); ++i) Complain(failures_[i].what());
  throw failures_.back();
}

}  // namespace probegate
