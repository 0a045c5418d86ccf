#include "sim/control_arguments.h"

#include <stdexcept>

#include "spdlog/fmt/fmt.h"

namespace probegate::sim {

using nlohmann::json;

uint64_t ControlArguments::Number(const char* name, uint64_t low, uint64_t high) {
  const json& value = Take(name);
  if (!value.is_number_unsigned() || value < low || value > high) {
    throw std::invalid_argument(fmt::format("{} must be an integer from {} to {}", name, low, high));
  }
  return value.get<uint64_t>();
}

std::string ControlArguments::Text(const char* name) {
  const json& value = Take(name);
  if (!value.is_string()) throw std::invalid_argument(fmt::format("{} must be a string", name));
  return value.get<std::string>();
}

void ControlArguments::CheckAllTaken() const {
  for (const auto& [name, value] : request_.items()) {
    if (!taken_.contains(name)) throw std::invalid_argument(fmt::format("unknown argument '{}'", name));
  }
}

const json& ControlArguments::Take(const char* name) {
  taken_.insert(name);
  const auto found = request_.find(name);
  if (found == request_.end()) throw std::invalid_argument(fmt::format("{} is missing", name));
  return *found;
}

}  // namespace probegate::sim
