// Finds the server that has the session that the user names.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/servers/server_group.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

struct ChosenSession {
  size_t server;  // the index of its list
  std::string session;
};

// The session whose name begins with `part`, or whose whole ID is `part`. ChosenSession::session is `part` in the
// latter case, otherwise the session's name. `complete` says whether these are the lists of all servers. If they are
// not, only a whole name or ID will do, because a session of a missing server may begin with `part`, too. Sessions
// whose name is malformed are ignored. Throws kNotFound.
ChosenSession ChooseSession(const std::vector<v1::ListSessionsResponse>& lists, const std::string& part, bool complete);

struct FoundSession {
  ServerClient* server;  // of the group
  std::string session;
};

// Asks the group, and reports on standard error which servers do not answer. Throws kUnreachable if one does not, and
// the others do not have the session or may not have the only match; otherwise throws as ChooseSession.
FoundSession FindSession(ServerGroup& group, const std::string& part);

}  // namespace probegate
