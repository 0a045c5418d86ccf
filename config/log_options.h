// The options for the log, which every program has.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "telemetry/log.h"

namespace probegate {

struct LogOptions {
  int verbose = 0;
  bool quiet = false;
  std::string format = "text";

  LogLevel level() const;
  LogFormat log_format() const;
};

// Adds -v/--verbose, -q/--quiet and --log-format; `options` must live until the arguments have been parsed.
void AddLogOptions(CLI::App& app, LogOptions& options);

}  // namespace probegate
