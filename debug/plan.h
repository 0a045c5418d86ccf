// Plans a session from its client's request, before anything is started: the probe, the recipe, the ELF file, and the
// command lines of the programs.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "debug/debug_config.h"
#include "debug/elf_files.h"
#include "debug/probe_choice.h"
#include "debug/process.h"
#include "debug/recipe.h"
#include "debug/upload_store.h"

namespace probegate {

// Where a session's programs are, and which servers they use.
struct DebugTools {
  std::string launcher;  // paths
  std::string gateway;
  std::vector<std::string> servers;  // HOST:PORT of each probegate-server, for the gateway's --server
  bool confined = true;
};

struct DebugSources {
  const RecipeBook& recipes;
  const ElfFiles& elf_files;
  UploadStore& uploads;
  // Asks the servers for their probes. May block for some seconds.
  std::function<absl::StatusOr<ProbeList>()> list_probes;
};

struct DebugPlan {
  std::string probe;  // unique ID
  Recipe recipe;
  std::filesystem::path elf;
  std::shared_ptr<ElfUpload> upload;  // null if the ELF file was not uploaded
  std::string interpreter;
};

// The error says which field of the config is wrong, and why. If the config names an upload, it is taken out of the
// store, because each upload is for one session. `host` is the client's.
absl::StatusOr<DebugPlan> MakePlan(const DebugConfig& config, const std::string& host, const DebugSources& sources);
// The same, except that an upload is neither looked up nor taken.
absl::StatusOr<DebugPlan> MakePlanWithoutUpload(const DebugConfig& config, const DebugSources& sources);

// Whether a board can be debugged: the board's fqbn, without the options that are not needed to find the same recipe;
// empty if no recipe matches it. Only `fqbn` and `interpreter` of the config count; INVALID_ARGUMENT if one of them is
// malformed.
absl::StatusOr<std::string> FindDebugFqbn(const DebugConfig& config, const RecipeBook& recipes);

// The command lines of the three programs. `work` is the session's own folder; `port` is the port of the program that
// was started before.
ProcessCommand GatewayCommand(const DebugTools& tools, const DebugPlan& plan, const std::string& work);
ProcessCommand GdbServerCommand(const DebugTools& tools, const DebugPlan& plan, const std::string& work, uint16_t port);
ProcessCommand GdbCommand(const DebugTools& tools, const DebugPlan& plan, const std::string& work, uint16_t port);

}  // namespace probegate
