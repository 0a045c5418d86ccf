#include "cli/completion/command_tree.h"

#include <sstream>

namespace probegate {
namespace {

bool Mentions(const std::string& text, const std::string& word) { return text.find(word) != text.npos; }

bool IsFile(const CLI::Option& option) {
  const std::string& kind = option.get_option_text();
  return Mentions(kind, "FILE") || Mentions(kind, "DIR");
}

// What CLI::IsMember and the like accept, which CLI11 describes as "{one,two}".
std::vector<std::string> Choices(const CLI::Option& option) {
  const std::string kind = option.get_type_name();
  const size_t begin = kind.find('{');
  const size_t end = kind.find('}');
  std::vector<std::string> choices;
  if (begin == kind.npos || end == kind.npos) return choices;
  std::istringstream list(kind.substr(begin + 1, end - begin - 1));
  for (std::string choice; std::getline(list, choice, ',');) choices.push_back(choice);
  return choices;
}

std::string FirstSentence(const std::string& help) { return help.substr(0, help.find_first_of(".;\n")); }

OptionWords WordsOf(const CLI::Option& option) {
  OptionWords words{.names = {},
                    .help = FirstSentence(option.get_description()),
                    .takes_value = option.get_items_expected_max() > 0,
                    .is_file = IsFile(option),
                    .choices = Choices(option)};
  for (const std::string& name : option.get_snames()) words.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) words.names.push_back("--" + name);
  return words;
}

void Add(const CLI::App& app, const std::string& path, std::vector<CommandWords>& all) {
  CommandWords command{.path = path, .name = app.get_name(), .help = FirstSentence(app.get_description())};
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional()) {
      command.options.push_back(WordsOf(*option));
      continue;
    }
    command.choices = Choices(*option);
    command.takes_command = command.takes_command || option->get_name() == "COMMAND";
  }
  std::vector<const CLI::App*> subcommands;
  // Those without a group are hidden.
  for (const CLI::App* subcommand :
       app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); })) {
    command.subcommands.push_back((path.empty() ? "" : path + " ") + subcommand->get_name());
    subcommands.push_back(subcommand);
  }
  const std::vector<std::string> paths = command.subcommands;
  all.push_back(std::move(command));
  for (size_t i = 0; i < subcommands.size(); ++i) Add(*subcommands[i], paths[i], all);
}

}  // namespace

std::vector<CommandWords> CommandsOf(const CLI::App& app) {
  std::vector<CommandWords> all;
  Add(app, "", all);
  return all;
}

}  // namespace probegate
