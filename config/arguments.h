// How the programs read their options: from the command line and from a YAML file, with the same names.
//
// A program describes its options once, in a CLI::App. A file holds the long names without dashes:
//   listen: 0.0.0.0:50051
//   allow-remote: true
//   uid: [7A22, 1044]
//   map: {7A22: 5555}        # for options that take KEY=VALUE
// An option on the command line takes precedence over the file. A key with an empty list is ignored. A key that occurs
// twice is an error, because one of the two would have no effect. A file may also have sections, which are not options
// and which the program reads itself.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

namespace YAML {  // NOLINT(readability-identifier-naming): the library's name
class Node;
}

namespace probegate {

// What is wrong with a section, thrown by its reader: a line, from 0 as in YAML::Mark, and why it is invalid.
struct InvalidSection {
  int line;
  std::string why;
};

// Readers of sections, by their keys. Each gets the section's value.
using SectionReaders = std::map<std::string, std::function<void(const YAML::Node& value)>>;

// The exit code of a program that was started with invalid arguments.
inline constexpr int kUsageError = 2;

// Adds `--config FILE` to `app`, and reads the options from `argv` and then from the file, with its sections. Returns
// an exit code if the program should end now: help or the version was requested and printed, or an option is invalid,
// and one line on standard error says what is wrong, with which value and where.
std::optional<int> ParseArguments(CLI::App& app, int argc, const char* const* argv,
                                  const SectionReaders& sections = {});

// Prints one line on standard error that says why the arguments are invalid; returns kUsageError.
int RefuseArguments(const CLI::App& app, const std::string& why);

}  // namespace probegate
