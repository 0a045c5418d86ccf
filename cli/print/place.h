// Where a probe or a session is, among several servers.
#pragma once

#include <string>
#include <vector>

#include "base/server_list.h"

namespace probegate {

struct Place {
  std::string host;    // the machine's name, as its server says it; empty where it says none
  std::string server;  // HOST:PORT, an address
  // What the column HOST has: the machine's name, or the address where that is not known or two servers have the same.
  std::string column;
};

struct HostOfServer {
  Server server;
  std::string host;
};

// In the order of `servers`.
std::vector<Place> PlacesOf(const std::vector<HostOfServer>& servers);

// The same, of what servers answered (cli/servers/server_group.h).
template <typename Answers>
std::vector<Place> PlacesOfAnswers(const Answers& answers) {
  std::vector<HostOfServer> servers;
  for (const auto& [server, answer] : answers) servers.push_back({server->server(), answer.host()});
  return PlacesOf(servers);
}

// `object`, a JSON object, with the members `host` and `server`.
std::string WithPlace(std::string object, const Place& place);

}  // namespace probegate
