// Where a server is that the gateway uses.
#pragma once

#include <compare>
#include <string>

namespace probegate {

struct ServerAddress {
  std::string name;     // HOST:PORT as the operator wrote it; several servers may have the same
  std::string address;  // HOST:PORT, numeric: one of those that the name stands for; empty while it stands for none

  // For messages.
  std::string ToString() const { return address.empty() || address == name ? name : name + ", address " + address; }
  auto operator<=>(const ServerAddress&) const = default;
};

}  // namespace probegate
