// A YAML file's values for the options of a program (config/arguments.h says how it looks).
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace probegate {

// Gives each option of `app` that has no value yet the file's. Throws CLI::ParseError, whose message is one line with
// the file, the key and the value, where the file cannot be read, a key is no option or is there twice, or a value is
// not what the option takes.
void ReadYamlOptions(const std::string& file, CLI::App& app);

}  // namespace probegate
