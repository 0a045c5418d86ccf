#include "config/arguments.h"

#include <iostream>

#include "config/yaml_options.h"

namespace probegate {
namespace {

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

int RefuseArguments(const CLI::App& app, const std::string& why) {
  std::cerr << app.get_name() << ": " << FirstLine(why) << " (see " << app.get_name() << " --help)\n";
  return kUsageError;
}

std::optional<int> ParseArguments(CLI::App& app, int argc, const char* const* argv, const SectionReaders& sections) {
  std::string file;
  CLI::Option* config =
      app.add_option("--config", file,
                     "Read options from a YAML file; its keys are the long option names without dashes")
          ->option_text("FILE")
          ->configurable(false);
  try {
    app.parse(argc, argv);
    if (config->count() > 0) ReadYamlOptions(file, app, sections);
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);
  } catch (const CLI::ParseError& error) {
    return RefuseArguments(app, error.what());
  }
  return std::nullopt;
}

}  // namespace probegate
