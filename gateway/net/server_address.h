// The address of a server that the gateway uses.
#pragma once

#include <compare>
#include <string>

namespace probegate {

struct ServerAddress {
  std::string name;     // HOST:PORT as the operator wrote it; several servers may have the same name
  std::string address;  // numeric HOST:PORT, one of those that the name resolves to; empty if it resolves to none

  // For messages.
  std::string ToString() const { return address.empty() || address == name ? name : name + ", address " + address; }
  auto operator<=>(const ServerAddress&) const = default;
};

}  // namespace probegate
