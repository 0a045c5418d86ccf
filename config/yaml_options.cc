#include "config/yaml_options.h"

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "config/option_value.h"

namespace probegate {
namespace {

[[noreturn]] void Refuse(const std::string& where, const std::string& why) {
  throw CLI::ConversionError(where + ": " + why);
}

// The value in YAML, on one line.
std::string Show(const YAML::Node& value) {
  YAML::Emitter out;
  out << YAML::Flow << value;
  return std::string(out.c_str(), out.size());
}

std::vector<std::string> Texts(const std::string& where, const YAML::Node& value) {
  std::vector<std::string> texts;
  if (value.IsScalar()) texts.push_back(value.Scalar());
  if (value.IsSequence()) {
    for (const YAML::Node& item : value) {
      if (!item.IsScalar()) Refuse(where, Show(value) + " is not a list of plain values");
      texts.push_back(item.Scalar());
    }
  }
  if (value.IsMap()) {
    for (const auto& pair : value) {
      if (!pair.first.IsScalar() || !pair.second.IsScalar())
        Refuse(where, Show(value) + " is not a map of plain values");
      texts.push_back(pair.first.Scalar() + "=" + pair.second.Scalar());
    }
  }
  if (texts.empty() && !value.IsSequence() && !value.IsMap()) Refuse(where, "has no value");
  return texts;
}

void Give(CLI::Option& option, const std::string& where, const std::string& key, const YAML::Node& value) {
  if (!value.IsScalar() && option.get_expected_max() <= 1) Refuse(where, Show(value) + " is not a single value");
  GiveValues(option, key, where, Texts(where, value), Show(value));
}

void ReadSection(const std::string& file, const std::string& key, const YAML::Node& value,
                 const SectionReaders& sections) {
  try {
    sections.at(key)(value);
  } catch (const InvalidSection& invalid) {
    Refuse(file + ":" + std::to_string(invalid.line + 1) + ": " + key, invalid.why);
  }
}

// Not read by yaml-cpp, because that leaks its stream if reading fails, for example because `file` is a directory.
std::string Content(const std::string& file) {
  std::ifstream stream(file);
  std::ostringstream content;
  if (stream.peek() != std::ifstream::traits_type::eof()) content << stream.rdbuf();
  if (!stream.is_open() || stream.bad()) Refuse(file, "cannot be read");
  return content.str();
}

YAML::Node Load(const std::string& file) {
  try {
    return YAML::Load(Content(file));
  } catch (const YAML::ParserException& error) {
    Refuse(file + ":" + std::to_string(error.mark.line + 1), error.msg);
  }
}

}  // namespace

void ReadYamlOptions(const std::string& file, CLI::App& app, const SectionReaders& sections,
                     const OptionFilter& filter) {
  const YAML::Node root = Load(file);
  if (root.IsNull()) return;
  if (!root.IsMap()) Refuse(file, "is not a map of option names to values");
  std::map<std::string, int> lines;  // in which line each option or section occurred, by its first name
  for (const auto& pair : root) {
    const YAML::Node& name = pair.first;
    const YAML::Node& value = pair.second;
    const std::string key = name.IsScalar() ? name.Scalar() : Show(name);
    const int line = name.Mark().line + 1;
    const std::string where = file + ":" + std::to_string(line) + ": " + key;
    CLI::Option* option = app.get_option_no_throw("--" + key);
    const bool is_section = sections.contains(key);
    if (!is_section && (option == nullptr || !filter(*option)))
      Refuse(where, "unknown option (its value is " + Show(value) + ")");
    const auto [first, is_new] = lines.emplace(is_section ? key : option->get_name(), line);
    if (!is_new) {
      const bool takes_list = is_section || option->get_expected_max() > 1;
      const std::string hint = takes_list ? "; to give several values, use a list" : "";
      Refuse(where, "is already set in line " + std::to_string(first->second) + hint);
    }
    if (is_section) {
      if (value.IsNull()) Refuse(where, "has no value");
      ReadSection(file, key, value, sections);
    } else if (option->count() == 0) {
      Give(*option, where, key, value);
    }
  }
}

}  // namespace probegate
