// What a command line can consist of, as completion needs it: taken from a CLI::App, so that completion never differs
// from what the program accepts.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace probegate {

struct OptionWords {
  std::vector<std::string> names;  // with their dashes
  std::string help;                // its first sentence
  bool takes_value = false;
  bool is_file = false;              // the value is the name of a file or of a folder
  std::vector<std::string> choices;  // all values, if there are only some
};

struct CommandWords {
  std::string path;  // "token new"; empty for the program itself
  std::string name;  // "new"
  std::string help;
  std::vector<OptionWords> options;
  std::vector<std::string> choices;      // of its first argument
  bool takes_command = false;            // what follows `--` is another command line
  std::vector<std::string> subcommands;  // their paths
};

// The program and all its subcommands, the program first, and each before its own subcommands.
std::vector<CommandWords> CommandsOf(const CLI::App& app);

}  // namespace probegate
