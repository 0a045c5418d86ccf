// probegate-health: asks one of Probegate's programs whether it is healthy. It is for the health checks of containers,
// whose images have no other program that could ask. This file describes the arguments.
#include <chrono>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "base/endpoint.h"
#include "health/check.h"

namespace probegate {
namespace {

// Docker defines only these two exit codes; 2 is reserved.
constexpr int kWell = 0;
constexpr int kNotWell = 1;

std::string IsEndpoint(const std::string& text) {
  const auto endpoint = ParseEndpoint(text);
  return endpoint && endpoint->port != 0 ? "" : text + " is not HOST:PORT";
}

std::string IsPath(const std::string& text) {
  const bool clean = text.starts_with('/') && text.find_first_of(" \r\n\t") == std::string::npos;
  return clean ? "" : text + " is not a path: it must start with / and contain no spaces";
}

int Main(int argc, char** argv) {
  CLI::App app("Asks a program whether it is healthy; exits with 0 if it is, with 1 if not", "probegate-health");
  std::string http;
  std::string path = "/readyz";
  std::string sim;
  unsigned seconds = 3;
  app.set_version_flag("--version", "probegate-health " PROBEGATE_VERSION);
  CLI::Option* by_http =
      app.add_option("--http", http, "Ask over HTTP, at the address where the program serves its metrics")
          ->option_text("HOST:PORT")
          ->check(IsEndpoint);
  app.add_option("--path", path, "Path of the HTTP request")
      ->option_text("PATH [" + path + "]")
      ->check(IsPath)
      ->needs(by_http);
  CLI::Option* by_control = app.add_option("--sim", sim, "Ask a probegate-sim over its control port")
                                ->option_text("HOST:PORT")
                                ->check(IsEndpoint)
                                ->excludes(by_http);
  app.add_option("--timeout", seconds, "A program that does not answer within this time is not healthy")
      ->option_text("SECONDS [" + std::to_string(seconds) + "]")
      ->check(CLI::Range(1U, 3600U));
  try {
    app.parse(argc, argv);
    if (by_http->count() + by_control->count() == 0) throw CLI::RequiredError("--http or --sim");
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    std::cerr << "probegate-health: " << error.what() << " (see probegate-health --help)\n";
    return kNotWell;
  }
  const std::chrono::seconds patience(seconds);
  const Health health =
      by_http->count() > 0 ? CheckHttp(*ParseEndpoint(http), path, patience) : CheckSim(*ParseEndpoint(sim), patience);
  if (!health.why.empty()) std::cout << health.why << "\n";
  return health.well ? kWell : kNotWell;
}

}  // namespace
}  // namespace probegate

int main(int argc, char** argv) { return probegate::Main(argc, argv); }
