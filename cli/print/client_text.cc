#include "cli/print/client_text.h"

namespace probegate {

std::string Who(const v1::ClientInfo& client) {
  const std::string name = client.user().empty() ? client.name() : client.user() + "/" + client.name();
  return (name.empty() ? "unnamed" : name) + "@" + client.peer_address();
}

}  // namespace probegate
