// The arguments of one request to the control port: taken by name, checked for type and range.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "nlohmann/json.hpp"

namespace probegate::sim {

// An argument that is missing or invalid throws std::invalid_argument, with a message for the sender of the request.
class ControlArguments {
 public:
  // `request` is an object, and must outlive this. "command" and "id" are allowed in every request.
  explicit ControlArguments(const nlohmann::json& request) : request_(request), taken_{"command", "id"} {}

  bool Has(const char* name) const { return request_.contains(name); }
  uint64_t Number(const char* name, uint64_t low, uint64_t high);
  std::string Text(const char* name);

  // Throws if the request has an argument that has not been taken.
  void CheckAllTaken() const;

 private:
  const nlohmann::json& Take(const char* name);

  const nlohmann::json& request_;
  std::set<std::string> taken_;
};

}  // namespace probegate::sim
