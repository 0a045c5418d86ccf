// What a session works with, from what its client asked for: nothing has been started yet.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cc/arduino/cli/debug/debug.pb.h"
#include "debug/elf_files.h"
#include "debug/probe_choice.h"
#include "debug/process.h"
#include "debug/recipe.h"
#include "debug/upload_store.h"

namespace probegate {

// Where a session's programs are, and with what they work.
struct DebugTools {
  std::string launcher;  // paths
  std::string gateway;
  std::vector<std::string> servers;  // HOST:PORT of each probegate-server, as the gateway takes it
  bool confined = true;
};

struct DebugSources {
  const RecipeBook& recipes;
  const ElfFiles& elf_files;
  UploadStore& uploads;
  // Asks the servers. May block for some seconds.
  std::function<absl::StatusOr<ProbeList>()> list_probes;
};

struct DebugPlan {
  std::string probe;  // unique id
  Recipe recipe;
  std::filesystem::path elf;
  std::shared_ptr<ElfUpload> upload;  // where the ELF file is one
  std::string interpreter;
};

// The error says what in the request is wrong. An upload that is named is taken: it serves one session. `host` is the
// client's.
absl::StatusOr<DebugPlan> MakePlan(const cc::arduino::cli::debug::DebugConfigReq& request, const std::string& host,
                                   const DebugSources& sources);
// The same, but for uploads, which are left where they are and not looked for.
absl::StatusOr<DebugPlan> MakePlanWithoutUpload(const cc::arduino::cli::debug::DebugConfigReq& request,
                                                const DebugSources& sources);

// The commands of the three programs. `work` is the session's own folder; a port is that of the program before it.
ProcessCommand GatewayCommand(const DebugTools& tools, const DebugPlan& plan, const std::string& work);
ProcessCommand GdbServerCommand(const DebugTools& tools, const DebugPlan& plan, const std::string& work, uint16_t port);
ProcessCommand GdbCommand(const DebugTools& tools, const DebugPlan& plan, const std::string& work, uint16_t port);

}  // namespace probegate
