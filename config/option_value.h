// Gives an option values that are not from the command line.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace probegate {

// Gives `values` to an option that has none yet, and runs its checks and its callback; does nothing if there are none.
// A flag takes a value such as true or off. `name` is the name of the option that was used, without dashes, `where`
// says for messages where the values are from, and `shown` how they are written there. Throws CLI::ConversionError,
// with one line, if a value is invalid.
void GiveValues(CLI::Option& option, const std::string& name, const std::string& where, std::vector<std::string> values,
                const std::string& shown);

}  // namespace probegate
