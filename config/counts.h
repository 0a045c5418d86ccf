// Options that bound how many of something there may be, or how many bytes.
#pragma once

#include <cstdint>
#include <string>

#include <CLI/CLI.hpp>

namespace probegate {

// Adds the option `name`, a whole number from `least` to `most`. `value` is its default, which `--help` shows after
// `unit` (such as COUNT or BYTES), and must live until the arguments have been parsed.
template <typename Value>
void AddCount(CLI::App& app, const std::string& name, Value& value, uint64_t most, const std::string& unit,
              const std::string& what, uint64_t least = 1) {
  app.add_option(name, value, what)
      ->option_text(unit + " [" + std::to_string(static_cast<uint64_t>(value)) + "]")
      ->check(CLI::Range(least, most));
}

}  // namespace probegate
