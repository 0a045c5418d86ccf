#include "config/connection_options.h"

#include <cstdint>

#include "config/counts.h"

namespace probegate {
namespace {

constexpr uint64_t kMaxConnections = 1'000'000;

}  // namespace

void AddConnectionOptions(CLI::App& app, QuotaLimits& limits) {
  limits = kDefaultConnections;
  AddCount(app, "--max-connections", limits.all, kMaxConnections, "COUNT",
           "Maximum number of connections of all clients together");
  AddCount(app, "--max-connections-per-client", limits.per_client, kMaxConnections, "COUNT",
           "Maximum number of connections of one client: of an IPv4 address, or of an IPv6 /64 network");
}

}  // namespace probegate
