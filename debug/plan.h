// Plans a session from its client's request, before anything is started: the probe, the recipe, the ELF file, and the
// command lines of the programs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "access/rule.h"
#include "access/service/access_control.h"
#include "access/service/caller.h"
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
  std::vector<std::string> servers;   // HOST:PORT of each probegate-server, for the gateway's --server
  std::vector<std::string> tls = {};  // the gateway's options for TLS
  bool confined = true;
  bool namespaces = false;  // each session's GDB server and gdb run in a sandbox (debug/sandbox.h)
  uint64_t threads = 0;     // for --threads of probegate-launch; 0: no limit
  std::string group = {};   // SessionGroup::path of the session's control group; empty: none
  pid_t sandbox = 0;        // Sandbox::first of the session's sandbox; 0: none
};

// UNAVAILABLE if no server answered.
using ProbesAnswer = absl::StatusOr<std::shared_ptr<const ProbeList>>;
using ProbesCallback = std::function<void(const ProbesAnswer& answer)>;

struct DebugSources {
  const RecipeBook& recipes;
  const ElfFiles& elf_files;
  UploadStore& uploads;
  // Says which of them the client may debug on.
  const AccessControl& access;
  // Asks the servers for their probes. Does not block; the callback is called once, within some seconds, on any thread.
  std::function<void(ProbesCallback)> list_probes;
};

struct DebugPlan {
  ProbeNames probe;
  Recipe recipe;
  std::filesystem::path elf;
  std::shared_ptr<ElfUpload> upload;  // null if the ELF file was not uploaded
  std::string interpreter;
};

// A plan is made in these steps. Each error says which field of the config is wrong, and why.

// First everything except the probe. Blocks on the file system, unless the ELF file was uploaded: then its name stands
// for it until TakeUpload.
absl::StatusOr<DebugPlan> StartPlan(const DebugConfig& config, const DebugSources& sources);
// Adds the probe. For a client that may neither view nor debug a probe, it is not there. PERMISSION_DENIED if the
// client may not debug on the one that it means.
absl::Status AddProbe(const DebugConfig& config, const Caller& caller, const AccessControl& access,
                      const ProbesAnswer& probes, DebugPlan& plan);
// If the config names an upload, takes it out of the store, because each upload is for one session. `owner` is the
// client's Caller::owner.
absl::Status TakeUpload(const DebugConfig& config, const std::string& owner, UploadStore& uploads, DebugPlan& plan);

// Whether a board can be debugged: the board's fqbn, without the options that are not needed to find the same recipe;
// empty if no recipe matches it. Only `fqbn` and `interpreter` of the config count; INVALID_ARGUMENT if one of them is
// malformed. Does not block.
absl::StatusOr<std::string> FindDebugFqbn(const DebugConfig& config, const RecipeBook& recipes);

// The command lines of the three programs. `work` is the session's own folder; `port` is the port of the program that
// was started before.
// `caller` is whose session it is; the gateway tells the server.
ProcessCommand GatewayCommand(const DebugTools& tools, const DebugPlan& plan, const Caller& caller,
                              const std::string& work);
ProcessCommand GdbServerCommand(const DebugTools& tools, const DebugPlan& plan, const std::string& work, uint16_t port);
ProcessCommand GdbCommand(const DebugTools& tools, const DebugPlan& plan, const std::string& work, uint16_t port);

}  // namespace probegate
