#include "cli/completion/complete.h"

#include <algorithm>
#include <utility>

namespace probegate {
namespace {

constexpr const char* kKindNames[] = {"words", "files", "command"};

bool HasName(const OptionWords& option, const std::string& name) { return std::ranges::count(option.names, name) > 0; }

// The way through the words before the cursor.
class Walk {
 public:
  explicit Walk(const std::vector<CommandWords>& commands) : commands_(commands), at_(&commands.front()) {}

  void Take(const std::string& word) {
    if (std::exchange(value_of_, nullptr) != nullptr) return;
    if (word == "--") {
      after_marker_ = true;
    } else if (const OptionWords* const option = FindOption(word)) {
      if (option->takes_value) value_of_ = option;
    } else {
      Enter(word);
    }
  }

  const CommandWords& at() const { return *at_; }
  bool after_marker() const { return after_marker_; }
  // The option whose value is the next word; nullptr if there is none.
  const OptionWords* value_of() const { return value_of_; }

  // The option of this subcommand, or of the program, because all subcommands take those, too.
  const OptionWords* FindOption(const std::string& name) const {
    for (const CommandWords* const command : {at_, &commands_.front()}) {
      for (const OptionWords& option : command->options) {
        if (HasName(option, name)) return &option;
      }
    }
    return nullptr;
  }

 private:
  void Enter(const std::string& word) {
    const std::string path = at_->path.empty() ? word : at_->path + " " + word;
    const auto found = std::ranges::find(commands_, path, &CommandWords::path);
    if (found != commands_.end()) at_ = &*found;
  }

  const std::vector<CommandWords>& commands_;
  const CommandWords* at_;
  const OptionWords* value_of_ = nullptr;
  bool after_marker_ = false;
};

// Offers words that begin with `begin`.
class Offer {
 public:
  explicit Offer(std::string begin) : begin_(std::move(begin)) {}

  void Add(const std::string& text, const std::string& help) {
    if (text.starts_with(begin_)) completion_.words.push_back({text, help});
  }
  void AddOptions(const CommandWords& command) {
    for (const OptionWords& option : command.options) {
      for (const std::string& name : option.names) {
        if (name.starts_with("--")) Add(name, option.help);
      }
    }
  }
  // The values of `option`, each after `before`.
  void AddValues(const OptionWords& option, const std::string& before) {
    for (const std::string& choice : option.choices) Add(before + choice, "");
    if (option.is_file && before.empty()) completion_.kind = CompletionKind::kFiles;
  }

  Completion completion() && { return std::move(completion_); }

 private:
  const std::string begin_;
  Completion completion_;
};

}  // namespace

Completion Complete(const std::vector<CommandWords>& commands, const std::vector<std::string>& words) {
  std::vector<std::string> before(words.begin(), words.empty() ? words.end() : words.end() - 1);
  // bash takes --option=value apart.
  std::erase(before, "=");
  std::string begin = words.empty() || words.back() == "=" ? "" : words.back();
  Walk walk(commands);
  for (const std::string& word : before) walk.Take(word);
  Offer offer(begin);
  if (walk.after_marker()) {
    return {.kind = walk.at().takes_command ? CompletionKind::kCommand : CompletionKind::kWords, .words = {}};
  }
  const size_t equals = begin.starts_with("--") ? begin.find('=') : begin.npos;
  if (const OptionWords* const option = walk.value_of()) {
    offer.AddValues(*option, "");
  } else if (const OptionWords* const named =
                 equals == begin.npos ? nullptr : walk.FindOption(begin.substr(0, equals))) {
    offer.AddValues(*named, begin.substr(0, equals + 1));
  } else if (begin.starts_with('-')) {
    offer.AddOptions(walk.at());
    if (!walk.at().path.empty()) offer.AddOptions(commands.front());
  } else {
    for (const std::string& choice : walk.at().choices) offer.Add(choice, "");
    for (const std::string& path : walk.at().subcommands) {
      const CommandWords& subcommand = *std::ranges::find(commands, path, &CommandWords::path);
      offer.Add(subcommand.name, subcommand.help);
    }
  }
  return std::move(offer).completion();
}

std::string ToText(const Completion& completion) {
  std::string text = std::string(kKindNames[static_cast<size_t>(completion.kind)]) + "\n";
  for (const Completion::Word& word : completion.words) text += word.text + "\t" + word.help + "\n";
  return text;
}

}  // namespace probegate
