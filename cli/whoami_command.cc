// The subcommand whoami.
#include <iostream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/print/identity_text.h"
#include "cli/print/place.h"
#include "cli/servers/server_group.h"

namespace probegate {

ExitCode RunWhoAmI(const CommonArguments& common) {
  ServerGroup group(common.servers, common.security);
  const auto answers = group.Ask<v1::WhoAmIResponse>([](ServerClient& server) { return server.WhoAmI(); });
  group.ThrowIfNoneAnswers();
  const std::vector<Place> places = PlacesOfAnswers(answers);
  std::vector<ListedIdentity> identities;
  for (size_t i = 0; i < answers.size(); ++i) identities.push_back({&answers[i].answer, &places[i]});
  std::cout << (common.json ? ToJson(identities) : ToText(identities));
  return group.ReportFailures();
}

}  // namespace probegate
