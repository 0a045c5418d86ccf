#include "debug/plan.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_replace.h"
#include "base/endpoint.h"
#include "debug/fqbn.h"
#include "debug/installation.h"
#include "debug/quoted.h"

namespace probegate {
namespace {

constexpr std::array<const char*, 4> kInterpreters = {"console", "mi1", "mi2", "mi3"};

absl::StatusOr<std::string> Interpreter(const std::string& wanted) {
  if (wanted.empty()) return std::string(kInterpreters.front());
  for (const char* known : kInterpreters) {
    if (wanted == known) return wanted;
  }
  return absl::InvalidArgumentError("interpreter " + Quoted(wanted) + " is unknown; use console, mi1, mi2 or mi3");
}

struct UploadField {
  const char* name;
  const std::string& value;
};

// The field that names the client's upload; nothing if none does.
std::optional<UploadField> UploadOf(const DebugConfig& config) {
  const UploadField field = config.import_file.empty() ? UploadField{"import_dir", config.import_dir}
                                                       : UploadField{"import_file", config.import_file};
  return field.value.starts_with(UploadStore::kPrefix) ? std::optional(field) : std::nullopt;
}

// A name, or a path. Longer ones are nothing that anybody has, and would only take time.
constexpr size_t kMaxFieldBytes = 4096;
constexpr size_t kMaxFqbnBytes = 512;

absl::Status CheckLength(const std::string& field, const std::string& value, size_t most = kMaxFieldBytes) {
  if (value.size() <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(field + " has " + std::to_string(value.size()) + " bytes; it may have at most " +
                                    std::to_string(most));
}

absl::Status CheckLengths(const DebugConfig& config) {
  absl::Status status = CheckLength("fqbn", config.fqbn, kMaxFqbnBytes);
  status.Update(CheckLength("interpreter", config.interpreter));
  status.Update(CheckLength("import_file", config.import_file));
  status.Update(CheckLength("import_dir", config.import_dir));
  status.Update(CheckLength("sketch_path", config.sketch_path));
  for (const PortName& name : config.port) status.Update(CheckLength(name.field, name.value));
  return status;
}

void Add(std::vector<std::string>& words, std::initializer_list<std::string> more) { words.insert(words.end(), more); }

ProcessCommand Launched(const DebugTools& tools, const std::string& work) {
  ProcessCommand command{.words = {tools.launcher, "--parent", std::to_string(::getpid())},
                         .environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                                         {"HOME", work},
                                         {"TMPDIR", work},
                                         {"LANG", "C.UTF-8"},
                                         {"SHELL", "/usr/sbin/nologin"}},
                         .directory = work};
  if (!tools.group.empty()) Add(command.words, {"--group", tools.group});
  return command;
}

void Confine(const DebugTools& tools, const DebugPlan& plan, const std::string& work, uint16_t port,
             ProcessCommand& command) {
  for (const auto& [name, value] : plan.recipe.environment) command.environment[name] = value;
  if (tools.confined) {
    Add(command.words, {"--confined", "--work", work, "--connect", std::to_string(port)});
    if (tools.threads != 0) Add(command.words, {"--threads", std::to_string(tools.threads)});
    if (tools.sandbox != 0) Add(command.words, {"--enter", std::to_string(tools.sandbox)});
    for (const std::string& path : SystemFiles()) Add(command.words, {"--read", path});
    for (const std::string& path : plan.recipe.read) Add(command.words, {"--read", path});
  }
}

ProbeNames NamesOf(const KnownProbe& probe) {
  const v1::ProbeDescription& description = probe.status.description();
  return {.uid = description.unique_id(), .labels = Labels(description.labels().begin(), description.labels().end())};
}

}  // namespace

absl::StatusOr<DebugPlan> StartPlan(const DebugConfig& config, const DebugSources& sources) {
  if (const absl::Status status = CheckLengths(config); !status.ok()) return status;
  DebugPlan plan;
  auto interpreter = Interpreter(config.interpreter);
  if (!interpreter.ok()) return interpreter.status();
  plan.interpreter = *std::move(interpreter);
  const auto fqbn = Fqbn::Parse(config.fqbn);
  if (!fqbn.ok()) return fqbn.status();
  auto recipe = sources.recipes.Find(*fqbn);
  if (!recipe.ok()) return recipe.status();
  plan.recipe = *std::move(recipe);
  if (config.port.empty()) {
    return absl::InvalidArgumentError("port is empty; set it to the unique ID of the probe (see probegate list)");
  }
  if (const auto upload = UploadOf(config)) {
    plan.elf = upload->value;
    return plan;
  }
  auto elf = sources.elf_files.Find({.import_file = config.import_file,
                                     .import_dir = config.import_dir,
                                     .sketch_path = config.sketch_path,
                                     .build_folder = fqbn->BuildFolder()});
  if (!elf.ok()) return elf.status();
  plan.elf = *std::move(elf);
  return plan;
}

absl::Status AddProbe(const DebugConfig& config, const Caller& caller, const AccessControl& access,
                      const ProbesAnswer& probes, DebugPlan& plan) {
  if (!probes.ok()) return probes.status();
  ProbeList visible{.probes = {}, .gap = (*probes)->gap};
  std::copy_if((*probes)->probes.begin(), (*probes)->probes.end(), std::back_inserter(visible.probes),
               [&](const KnownProbe& probe) { return access.MaySee(caller, NamesOf(probe)); });
  const auto uid = ChooseProbe(config.port, visible);
  if (!uid.ok()) return uid.status();
  // The server that has the probe now knows its labels.
  const auto chosen = std::find_if(visible.probes.begin(), visible.probes.end(), [&uid](const KnownProbe& probe) {
    return probe.status.description().unique_id() == *uid && probe.status.state() != v1::PROBE_STATE_AWAY;
  });
  plan.probe = chosen == visible.probes.end() ? ProbeNames{.uid = *uid, .labels = {}} : NamesOf(*chosen);
  return access.Check(caller, Right::kDebug, plan.probe);
}

absl::Status TakeUpload(const DebugConfig& config, const std::string& owner, UploadStore& uploads, DebugPlan& plan) {
  const auto upload = UploadOf(config);
  if (!upload) return absl::OkStatus();
  auto file = uploads.Take(upload->value, owner);
  if (!file.ok()) {
    return absl::Status(file.status().code(), std::string(upload->name) + " " + Quoted(upload->value) + ": " +
                                                  std::string(file.status().message()));
  }
  plan.elf = (*file)->path();
  plan.upload = *std::move(file);
  return absl::OkStatus();
}

absl::StatusOr<std::string> FindDebugFqbn(const DebugConfig& config, const RecipeBook& recipes) {
  if (const absl::Status status = CheckLengths(config); !status.ok()) return status;
  const auto interpreter = Interpreter(config.interpreter);
  if (!interpreter.ok()) return interpreter.status();
  auto fqbn = Fqbn::Parse(config.fqbn);
  if (!fqbn.ok()) return fqbn.status();
  const auto recipe = recipes.Find(*fqbn);
  if (!recipe.ok()) return std::string();
  for (size_t number = fqbn->options(); number-- > 0;) {
    Fqbn shorter = fqbn->WithoutOption(number);
    const auto same = recipes.Find(shorter);
    if (same.ok() && same->name == recipe->name) *fqbn = std::move(shorter);
  }
  return fqbn->ToString();
}

ProcessCommand GatewayCommand(const DebugTools& tools, const DebugPlan& plan, const Caller& caller,
                              const std::string& work) {
  ProcessCommand command = Launched(tools, work);
  Add(command.words,
      {"--", tools.gateway, "--uid", plan.probe.uid, "--whole-uid", "--port", "0", "--no-wait", "--state",
       work + "/gateway", "--metrics-listen", "none", "--log-format", "json", "--max-connections", "16"});
  for (const std::string& server : tools.servers) Add(command.words, {"--server", server});
  if (ParseEndpoint(caller.peer.address)) Add(command.words, {"--client-address", caller.peer.address});
  if (IsProved(caller.identity.proof)) Add(command.words, {"--client-user", caller.identity.Text()});
  command.words.insert(command.words.end(), tools.tls.begin(), tools.tls.end());
  return command;
}

ProcessCommand GdbServerCommand(const DebugTools& tools, const DebugPlan& plan, const std::string& work,
                                uint16_t port) {
  ProcessCommand command = Launched(tools, work);
  // Otherwise Python buffers its output, and the port would not be seen.
  command.environment["PYTHONUNBUFFERED"] = "1";
  command.environment["PYTHONDONTWRITEBYTECODE"] = "1";
  Confine(tools, plan, work, port, command);
  if (tools.confined) {
    Add(command.words, {"--listen"});
    for (const std::string& path : plan.recipe.server_files) Add(command.words, {"--read", path});
  }
  Add(command.words, {"--"});
  for (const std::string& word : plan.recipe.server) {
    command.words.push_back(absl::StrReplaceAll(word, {{"{gateway}", std::to_string(port)}, {"{work}", work}}));
  }
  return command;
}

ProcessCommand GdbCommand(const DebugTools& tools, const DebugPlan& plan, const std::string& work, uint16_t port) {
  ProcessCommand command = Launched(tools, work);
  Confine(tools, plan, work, port, command);
  if (tools.confined) {
    Add(command.words, {"--sleepless", "--read", plan.elf.string()});
    for (const std::string& path : plan.recipe.gdb_files) Add(command.words, {"--read", path});
  }
  Add(command.words, {"--", plan.recipe.gdb, "-nx", "-q", "--interpreter=" + plan.interpreter});
  std::vector<std::string> settings = {"set auto-load off", "set debuginfod enabled off", "set history save off",
                                       "set remotetimeout 5"};
  if (plan.interpreter != kInterpreters.front()) settings.emplace_back("set pagination off");
  settings.insert(settings.end(), plan.recipe.gdb_commands.begin(), plan.recipe.gdb_commands.end());
  for (const std::string& setting : settings) Add(command.words, {"-iex", setting});
  Add(command.words, {plan.elf.string(), "-ex", "target extended-remote 127.0.0.1:" + std::to_string(port)});
  return command;
}

}  // namespace probegate
