#include "config/option_value.h"

#include <utility>

namespace probegate {
namespace {

bool IsFlag(const CLI::Option& option) { return option.get_expected_min() == 0; }

}  // namespace

void GiveValues(CLI::Option& option, const std::string& name, const std::string& where, std::vector<std::string> values,
                const std::string& shown) {
  if (values.empty()) return;
  try {
    if (IsFlag(option)) values = {option.get_flag_value(name, values.front())};
    option.add_result(std::move(values));
    option.run_callback();
  } catch (const CLI::Error& error) {
    const std::string why = error.what();
    throw CLI::ConversionError(where + ": " + shown + " is invalid: " + why.substr(0, why.find('\n')));
  }
}

}  // namespace probegate
