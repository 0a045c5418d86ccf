#include "config/log_options.h"

namespace probegate {

LogLevel LogOptions::level() const {
  if (verbose > 0) return LogLevel::kDebug;
  return quiet ? LogLevel::kWarning : LogLevel::kInfo;
}

LogFormat LogOptions::log_format() const { return format == "json" ? LogFormat::kJson : LogFormat::kText; }

void AddLogOptions(CLI::App& app, LogOptions& options) {
  app.add_flag("-v,--verbose", options.verbose, "Also log debug messages");
  app.add_flag("-q,--quiet", options.quiet, "Log warnings and errors only");
  app.add_option("--log-format", options.format, "Format of log lines: text or json")
      ->option_text("FORMAT [text]")
      ->check(CLI::IsMember({"text", "json"}));
}

}  // namespace probegate
