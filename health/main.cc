// probegate-health: asks a program of the project whether it is well, for the health checks of containers, whose images
// have no other program that could ask. This file describes the arguments.
#include <chrono>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "base/endpoint.h"
#include "health/check.h"

namespace probegate {
namespace {

// Docker knows no others: 0 and 1, and that 2 is not to be used.
constexpr int kWell = 0;
constexpr int kNotWell = 1;

std::string IsEndpoint(const std::string& text) {
  const auto endpoint = ParseEndpoint(text);
  return endpoint && endpoint->port != 0 ? "" : text + " is not HOST:PORT";
}

std::string IsPath(const std::string& text) {
  const bool clean = text.starts_with('/') && text.find_first_of(" \r\n\t") == std::string::npos;
  return clean ? "" : text + " is no path";
}

int Main(int argc, char** argv) {
  CLI::App app("Asks a program whether it is well: 0 if it says so, 1 if it does not", "probegate-health");
  std::string http;
  std::string path = "/readyz";
  std::string sim;
  unsigned seconds = 3;
  app.set_version_flag("--version", "probegate-health " PROBEGATE_VERSION);
  CLI::Option* by_http = app.add_option("--http", http, "By HTTP, where the program shows its metrics")
                             ->option_text("HOST:PORT")
                             ->check(IsEndpoint);
  app.add_option("--path", path, "What to ask for there")
      ->option_text("PATH [" + path + "]")
      ->check(IsPath)
      ->needs(by_http);
  CLI::Option* by_control = app.add_option("--sim", sim, "By the control port of a probegate-sim")
                                ->option_text("HOST:PORT")
                                ->check(IsEndpoint)
                                ->excludes(by_http);
  app.add_option("--timeout", seconds, "Not to answer for so long is not to be well")
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
