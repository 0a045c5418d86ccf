#include "config/metrics_options.h"

namespace probegate {
namespace {

constexpr char kNone[] = "none";

std::string IsListen(const std::string& text) {
  return text == kNone || ParseEndpoint(text) ? "" : text + " is neither HOST:PORT nor none";
}

}  // namespace

void AddMetricsOption(CLI::App& app, MetricsOptions& options, const std::string& default_listen) {
  const auto set = [&options](const std::string& text) { options.listen = ParseEndpoint(text); };
  set(default_listen);
  app.add_option_function<std::string>("--metrics-listen", set,
                                       "Address to serve metrics on, over HTTP; port 0 picks a free port")
      ->option_text("HOST:PORT|none [" + default_listen + "]")
      ->check(IsListen);
}

}  // namespace probegate
