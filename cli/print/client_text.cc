#include "cli/print/client_text.h"

#include "base/endpoint.h"

namespace probegate {

std::string Who(const v1::ClientInfo& client) {
  const std::string name = client.user().empty() ? client.name() : client.user() + "/" + client.name();
  return (name.empty() ? "unnamed" : name) + "@" + client.peer_address();
}

std::string Who(const v1::SessionInfo& session) {
  const auto claimed = ParseEndpoint(session.client().peer_address());
  const auto seen = ParseEndpoint(session.peer());
  const bool elsewhere = seen && (!claimed || claimed->host != seen->host);
  return Who(session.client()) + (elsewhere ? " via " + seen->host : "");
}

}  // namespace probegate
