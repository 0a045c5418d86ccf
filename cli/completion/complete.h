// What a shell can offer for the word at the cursor of a command line of `probegate`.
//
// The scripts of the shells (cli/completion/shell_scripts.h) ask the program itself, so completion never differs from
// what the program accepts.
#pragma once

#include <string>
#include <vector>

#include "cli/completion/command_tree.h"

namespace probegate {

enum class CompletionKind {
  kWords,    // one of the words
  kFiles,    // the name of a file
  kCommand,  // what the shell would offer for another command, whose words come after `--`
};

struct Completion {
  CompletionKind kind = CompletionKind::kWords;
  struct Word {
    std::string text;
    std::string help;
  };
  std::vector<Word> words;  // those that begin as the word at the cursor does
};

// `commands` are those of CommandsOf. `words` are those after the program's name, up to the one at the cursor, which
// may be empty and which is the last.
Completion Complete(const std::vector<CommandWords>& commands, const std::vector<std::string>& words);

// A line with the kind, then a line for each word, with a tab before its help: what the scripts read.
std::string ToText(const Completion& completion);

}  // namespace probegate
