// How `probegate whoami` shows who the user is to each server, and what the user may do there.
#pragma once

#include <string>
#include <vector>

#include "cli/print/place.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

struct ListedIdentity {
  const v1::WhoAmIResponse* answer;
  const Place* place;  // of the server
};

// For each server a line that says who the user is, and a table of the rights there.
std::string ToText(const std::vector<ListedIdentity>& identities);

// {"servers":[…]}: each answer, with the address of its server as the member `server`.
std::string ToJson(const std::vector<ListedIdentity>& identities);

}  // namespace probegate
