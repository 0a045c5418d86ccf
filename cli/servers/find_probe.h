// Finds the server that has the probe that the user names.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/labels.h"
#include "base/server_list.h"
#include "cli/servers/server_group.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

struct ServerProbes {
  Server server;
  v1::ListProbesResponse probes;
};

// Which probe the user wants.
struct ProbeChoice {
  std::string uid;  // a unique ID, or part of one; may be empty
  Labels labels;    // all of them
  bool empty() const { return uid.empty() && labels.empty(); }
};

struct ChosenProbe {
  size_t server;  // the index of its list
  std::string unique_id;
};

// Chooses the probe that `wanted` names among the probes of all servers that have its labels, by the same rules as a
// server (docs/grpc_api.md#sessions): its `uid` is the probe's unique ID, or a part that matches no other probe's,
// regardless of case; it may be empty if there is only one probe. A probe that has moved is listed as away by the
// server that it left; the other server is chosen. Throws kNotFound with a list of the probes there are, also if
// several servers have a probe with this unique ID, because only one of those can be the right one. `complete` says
// whether these are the lists of all servers. If they are not, only a whole unique ID names a probe, because a missing
// server may have another match.
ChosenProbe ChooseProbe(const std::vector<ServerProbes>& lists, const ProbeChoice& wanted, bool complete);

struct FoundProbe {
  ServerClient* server;  // of the group
  std::string unique_id;
};

// Asks the group, and reports on standard error which servers do not answer. If one does not, and ChooseProbe finds no
// probe on the others, the failure is kUnreachable.
FoundProbe FindProbe(ServerGroup& group, const ProbeChoice& wanted);

// Throws kNotFound if no probe has all of `labels`, unless a server does not answer and may have one.
void RequireProbeWith(ServerGroup& group, const Labels& labels);

}  // namespace probegate
