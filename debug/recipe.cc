#include "debug/recipe.h"

#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include <yaml-cpp/yaml.h>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "debug/installation.h"
#include "debug/quoted.h"

namespace probegate {
namespace {

constexpr char kBuiltIn[] = R"(
recipes:
  - name: nrf52840
    boards: ["nrf52840", "*nrf52840*", "*:nano33ble"]
    server: [pyocd, gdbserver, --no-config, --dir, "{work}", --uid, "remote:127.0.0.1:{gateway}", --target, nrf52840,
             --port, "0", --telnet-port, "0", --persist]
  - name: cortex_m
    boards: ["cortex_m", "*:cortex_m"]
    server: [pyocd, gdbserver, --no-config, --dir, "{work}", --uid, "remote:127.0.0.1:{gateway}", --target, cortex_m,
             --port, "0", --telnet-port, "0", --persist]
)";
constexpr char kPyocdReady[] = "GDB server listening on port {port}";
constexpr char kGdb[] = "gdb-multiarch";
// pyOCD's map of a chip has only flash and RAM, and gdb reads nothing outside of it by default: neither peripherals,
// nor FPCCR, without which it cannot find the frame below an exception handler's.
constexpr char kReadBeyondTheMap[] = "set mem inaccessible-by-default off";

// What is wrong, and in which line. Thrown while a file is parsed, and caught in RecipeBook::Read.
struct Wrong {
  int line;
  std::string what;
};

std::string Text(const YAML::Node& node, const std::string& key) {
  if (!node.IsScalar()) throw Wrong{node.Mark().line, key + " must be a string"};
  return node.Scalar();
}

std::vector<std::string> Texts(const YAML::Node& node, const std::string& key) {
  std::vector<std::string> texts;
  if (!node.IsSequence()) throw Wrong{node.Mark().line, key + " must be a list of strings"};
  for (const YAML::Node& item : node) texts.push_back(Text(item, key));
  return texts;
}

std::string Program(const YAML::Node& node, const std::string& name, const std::string& path) {
  if (name.starts_with('/')) {
    if (::access(name.c_str(), X_OK) == 0) return name;
  } else if (name.find('/') == std::string::npos) {
    for (absl::string_view folder : absl::StrSplit(path, ':', absl::SkipEmpty())) {
      std::string program = std::string(folder.data(), folder.size()) + "/" + name;
      if (program.starts_with('/') && ::access(program.c_str(), X_OK) == 0) return program;
    }
  }
  throw Wrong{node.Mark().line, "cannot find the program " + name + "; use a name in PATH or an absolute path"};
}

Recipe ReadRecipe(const YAML::Node& node, const std::string& path) {
  static const std::set<std::string> kKeys = {"name", "boards",       "server", "ready",
                                              "gdb",  "gdb-commands", "read",   "environment"};
  if (!node.IsMap()) throw Wrong{node.Mark().line, "a recipe must be a map"};
  for (const auto& pair : node) {
    const std::string key = Text(pair.first, "a key");
    if (!kKeys.contains(key)) throw Wrong{pair.first.Mark().line, "unknown key in a recipe: " + key};
  }
  for (const char* key : {"name", "boards", "server"}) {
    if (!node[key]) throw Wrong{node.Mark().line, std::string("a recipe must have the key ") + key};
  }
  Recipe recipe;
  recipe.name = Text(node["name"], "name");
  recipe.boards = Texts(node["boards"], "boards");
  recipe.server = Texts(node["server"], "server");
  if (recipe.server.empty()) throw Wrong{node["server"].Mark().line, "server names no program"};
  recipe.server.front() = Program(node["server"], recipe.server.front(), path);
  recipe.ready = node["ready"] ? Text(node["ready"], "ready") : kPyocdReady;
  if (recipe.ready.find("{port}") == std::string::npos || recipe.ready.starts_with("{port}")) {
    throw Wrong{node["ready"].Mark().line, "ready must contain {port}, after some other text"};
  }
  recipe.gdb = Program(node, node["gdb"] ? Text(node["gdb"], "gdb") : kGdb, path);
  recipe.gdb_commands =
      node["gdb-commands"] ? Texts(node["gdb-commands"], "gdb-commands") : std::vector<std::string>{kReadBeyondTheMap};
  recipe.has_read = static_cast<bool>(node["read"]);
  if (recipe.has_read) recipe.read = Texts(node["read"], "read");
  if (const YAML::Node environment = node["environment"]) {
    if (!environment.IsMap()) throw Wrong{environment.Mark().line, "environment must be a map"};
    for (const auto& pair : environment) {
      recipe.environment[Text(pair.first, "environment")] = Text(pair.second, "environment");
    }
  }
  return recipe;
}

bool Fits(const Recipe& recipe, const Fqbn& fqbn) {
  const auto matches = [](const std::string& pattern, const std::string& text) {
    return ::fnmatch(pattern.c_str(), text.c_str(), FNM_CASEFOLD) == 0;
  };
  return std::any_of(recipe.boards.begin(), recipe.boards.end(), [&](const std::string& pattern) {
    return matches(pattern, fqbn.board()) || matches(pattern, fqbn.ToString());
  });
}

}  // namespace

absl::StatusOr<RecipeBook> RecipeBook::Read(const std::string& file, const std::string& yaml, const std::string& path) {
  const auto refuse = [&file](int line, const std::string& what) {
    return absl::InvalidArgumentError(file + ":" + std::to_string(line + 1) + ": " + what);
  };
  try {
    const YAML::Node root = YAML::Load(yaml);
    if (!root.IsMap() || root.size() != 1 || !root["recipes"] || !root["recipes"].IsSequence()) {
      return refuse(0, "the file must be a map with only the key recipes, which must be a list");
    }
    RecipeBook book;
    for (const YAML::Node& node : root["recipes"]) book.recipes_.push_back(ReadRecipe(node, path));
    return book;
  } catch (const Wrong& wrong) {
    return refuse(wrong.line, wrong.what);
  } catch (const YAML::Exception& error) {
    return refuse(error.mark.line, error.msg);
  }
}

absl::StatusOr<RecipeBook> RecipeBook::BuiltIn(const std::string& path) {
  return Read("the built-in recipes", kBuiltIn, path);
}

absl::Status RecipeBook::FindInstallations() {
  for (Recipe& recipe : recipes_) {
    for (const auto& [program, files] :
         {std::pair(recipe.server.front(), &recipe.server_files), std::pair(recipe.gdb, &recipe.gdb_files)}) {
      auto found = InstallationOf(program, recipe.has_read);
      if (!found.ok()) {
        return absl::Status(found.status().code(),
                            "recipe " + recipe.name + ": " + std::string(found.status().message()));
      }
      *files = *std::move(found);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Recipe> RecipeBook::Find(const Fqbn& fqbn) const {
  std::vector<std::string> boards;
  for (const Recipe& recipe : recipes_) {
    if (Fits(recipe, fqbn)) return recipe;
    boards.push_back(recipe.name + " (" + absl::StrJoin(recipe.boards, ", ") + ")");
  }
  return absl::InvalidArgumentError(
      "no recipe matches fqbn " + Quoted(fqbn.ToString()) +
      "; use one of these boards, or add a recipe (--recipes): " + absl::StrJoin(boards, ", "));
}

absl::StatusOr<std::string> ReadTextFile(const std::string& file) {
  std::ifstream stream(file);
  std::ostringstream content;
  if (stream.peek() != std::ifstream::traits_type::eof()) content << stream.rdbuf();
  if (!stream.is_open() || stream.bad()) return absl::NotFoundError("cannot read " + file);
  return content.str();
}

}  // namespace probegate
