// Reads a program's options from a YAML file, whose format config/arguments.h describes.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "config/arguments.h"

namespace probegate {

// Sets each option of `app` that has no value yet to its value in the file, and has each section read. Throws
// CLI::ParseError if the file cannot be read, a key is neither an option nor a section or occurs twice, or a value is
// invalid. Its message is one line with the file, the key and the value.
void ReadYamlOptions(const std::string& file, CLI::App& app, const SectionReaders& sections);

}  // namespace probegate
