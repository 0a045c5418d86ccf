#include "config/connection_options.h"

#include <string>

namespace probegate {
namespace {

constexpr uint64_t kMaxConnections = 1'000'000;

void AddCount(CLI::App& app, const std::string& name, uint64_t& value, const std::string& what) {
  app.add_option(name, value, what)
      ->option_text("COUNT [" + std::to_string(value) + "]")
      ->check(CLI::Range(uint64_t{1}, kMaxConnections));
}

}  // namespace

void AddConnectionOptions(CLI::App& app, QuotaLimits& limits) {
  limits = kDefaultConnections;
  AddCount(app, "--max-connections", limits.all, "Maximum number of connections of all clients together");
  AddCount(app, "--max-connections-per-client", limits.per_client,
           "Maximum number of connections of one client: of an IPv4 address, or of an IPv6 /64 network");
}

}  // namespace probegate
