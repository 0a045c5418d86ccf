// Which server has the session that somebody names.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/servers/server_group.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

struct ChosenSession {
  size_t server;  // which of the lists
  std::string session;
};

// The session whose name begins with `part`, or whose whole id that is; what to call it by is `part` then, else its
// name. `complete` says whether these are the lists of all servers: where they are not, a beginning names no session,
// for one of a server that is missing may begin with it too. What is listed under anything but a session's name is
// ignored. Throws kNotFound.
ChosenSession ChooseSession(const std::vector<v1::ListSessionsResponse>& lists, const std::string& part, bool complete);

struct FoundSession {
  ServerClient* server;  // of the group
  std::string session;
};

// Asks the group. Says on standard error which servers do not answer; with kUnreachable where the session is on none of
// the others, or may not be the one that is meant, else as ChooseSession.
FoundSession FindSession(ServerGroup& group, const std::string& part);

}  // namespace probegate
