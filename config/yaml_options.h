// Reads a program's options from a YAML file, whose format config/arguments.h describes.
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "config/arguments.h"

namespace probegate {

// Which options a file may set.
using OptionFilter = std::function<bool(const CLI::Option& option)>;
inline bool IsConfigurable(const CLI::Option& option) { return option.get_configurable(); }

// Sets each option of `app` that has no value yet to its value in the file, and has each section read. Throws
// CLI::ParseError if the file cannot be read, a key is neither an option of `filter` nor a section or occurs twice, or
// a value is invalid. Its message is one line with the file, the key and the value.
void ReadYamlOptions(const std::string& file, CLI::App& app, const SectionReaders& sections,
                     const OptionFilter& filter = IsConfigurable);

}  // namespace probegate
