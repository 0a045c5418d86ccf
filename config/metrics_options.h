// The option for the address at which a program serves its metrics.
#pragma once

#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "base/endpoint.h"

namespace probegate {

struct MetricsOptions {
  std::optional<Endpoint> listen;  // nothing: metrics are not served
};

// Adds --metrics-listen HOST:PORT|none, and sets `options` to the default, which has the same format. `options` must
// live until the arguments have been parsed.
void AddMetricsOption(CLI::App& app, MetricsOptions& options, const std::string& default_listen);

}  // namespace probegate
