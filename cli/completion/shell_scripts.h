// The scripts with which shells complete command lines of `probegate`. Each asks the program
// (cli/completion/complete.h).
#pragma once

#include <array>

namespace probegate {

struct ShellScript {
  const char* shell;
  const char* text;
};

// For bash, zsh and fish.
extern const std::array<ShellScript, 3> kShellScripts;

}  // namespace probegate
