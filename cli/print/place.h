// On which of several servers a probe or a session is.
#pragma once

#include <string>
#include <vector>

#include "base/server_list.h"

namespace probegate {

struct Place {
  std::string host;    // the machine's name, as reported by its server; empty if it reports none
  std::string server;  // HOST:PORT, numeric
  // The text for the column HOST: the machine's name, or the address if the name is unknown or two servers share it.
  std::string column;
};

struct HostOfServer {
  Server server;
  std::string host;
};

// The servers' places, in the order of `servers`.
std::vector<Place> PlacesOf(const std::vector<HostOfServer>& servers);

// The same for the answers of servers (cli/servers/server_group.h).
template <typename Answers>
std::vector<Place> PlacesOfAnswers(const Answers& answers) {
  std::vector<HostOfServer> servers;
  for (const auto& [server, answer] : answers) servers.push_back({server->server(), answer.host()});
  return PlacesOf(servers);
}

// `object`, a JSON object, with the members `host` and `server` added.
std::string WithPlace(std::string object, const Place& place);

}  // namespace probegate
