// The option that says where a program's metrics are served.
#pragma once

#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "base/endpoint.h"

namespace probegate {

struct MetricsOptions {
  std::optional<Endpoint> listen;  // nothing: they are not served
};

// Adds --metrics-listen HOST:PORT|none, whose default, of the same form, `options` has from here on. `options` must
// live until the arguments are parsed.
void AddMetricsOption(CLI::App& app, MetricsOptions& options, const std::string& default_listen);

}  // namespace probegate
