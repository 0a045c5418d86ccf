#include "debug/debug_description.h"

#include <filesystem>
#include <string_view>

#include "absl/strings/str_join.h"

namespace probegate {
namespace {

std::string FolderOf(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }
std::string NameOf(const std::string& path) { return std::filesystem::path(path).filename().string(); }

std::string PrefixOf(const std::string& gdb) {
  constexpr std::string_view kSuffix = "-gdb";
  return gdb.ends_with(kSuffix) ? gdb.substr(0, gdb.size() - kSuffix.size()) : std::string();
}

}  // namespace

DebugDescription Describe(const DebugPlan& plan) {
  const Recipe& recipe = plan.recipe;
  return {.executable = plan.elf.string(),
          .toolchain = "gcc",
          .toolchain_path = FolderOf(recipe.gdb),
          .toolchain_prefix = PrefixOf(NameOf(recipe.gdb)),
          .server = NameOf(recipe.server.front()),
          .server_path = FolderOf(recipe.server.front()),
          .toolchain_configuration = {{"gdb", recipe.gdb}, {"recipe", recipe.name}},
          .server_configuration = {{"probe", plan.probe.uid}, {"command", absl::StrJoin(recipe.server, " ")}}};
}

}  // namespace probegate
