// How the programs take their options: from the command line and from a YAML file, with the same names.
//
// A program describes its options once, in a CLI::App. A file holds the long names without dashes:
//   listen: 0.0.0.0:50051
//   allow-remote: true
//   uid: [7A22, 1044]
//   map: {7A22: 5555}        # for options that take KEY=VALUE
// What the command line gives wins over the file. An empty list is as though its key were not there; a key that is
// there twice is refused, for one of them would not count.
#pragma once

#include <optional>

#include <CLI/CLI.hpp>

namespace probegate {

// The exit code of a program that was started with arguments it cannot use.
inline constexpr int kUsageError = 2;

// Adds `--config FILE` to `app`, reads `argv` into its options, then the file's.
// An exit code where the program should end now: help or the version was asked for and printed, or something was wrong
// and one line on standard error says what, which value and where.
std::optional<int> ParseArguments(CLI::App& app, int argc, const char* const* argv);

// Says on standard error, in one line, that an argument cannot be used; returns kUsageError.
int RefuseArguments(const CLI::App& app, const std::string& why);

}  // namespace probegate
