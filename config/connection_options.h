// The options for how many connections a program accepts.
#pragma once

#include <CLI/CLI.hpp>

#include "base/quota.h"

namespace probegate {

inline constexpr QuotaLimits kDefaultConnections{.all = 1024, .per_client = 256};

// Adds --max-connections and --max-connections-per-client, and sets `limits` to the defaults. `limits` must live until
// the arguments have been parsed.
void AddConnectionOptions(CLI::App& app, QuotaLimits& limits);

}  // namespace probegate
