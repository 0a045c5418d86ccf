// Which server has the probe that somebody names.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/server_list.h"
#include "cli/servers/server_group.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

struct ServerProbes {
  Server server;
  v1::ListProbesResponse probes;
};

struct ChosenProbe {
  size_t server;  // which of the lists
  std::string unique_id;
};

// The probe that `wanted` names among all the servers' together, as a server alone would choose it
// (docs/grpc_api.md#sessions): its unique id, or a part that no other probe's has, letters of either case being the
// same; empty where there is only one. A probe that moved is `away` on the server that it left, and is taken where it
// is. Throws kNotFound, with what there is: also where one unique id is on several servers, for one of them is not the
// probe that is meant. `complete` says whether these are the lists of all servers: where they are not, only a whole
// unique id names a probe, since a server that is missing may have another with that part.
ChosenProbe ChooseProbe(const std::vector<ServerProbes>& lists, const std::string& wanted, bool complete);

struct FoundProbe {
  ServerClient* server;  // of the group
  std::string unique_id;
};

// Asks the group. Says on standard error which servers do not answer. Where one does not, and ChooseProbe finds no
// probe among the others', the failure is kUnreachable.
FoundProbe FindProbe(ServerGroup& group, const std::string& wanted);

}  // namespace probegate
