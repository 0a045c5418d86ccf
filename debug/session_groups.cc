#include "debug/session_groups.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

namespace probegate {
namespace {

namespace fs = std::filesystem;

constexpr char kSubgroup[] = "debugd";
constexpr char kSessionPrefix[] = "session-";
// So that sessions, each of which has 100, do not keep the program itself from running.
constexpr char kWeight[] = "1000";
constexpr int kPeriodMicroseconds = 100'000;

absl::Status SystemError(const std::string& what) { return absl::UnavailableError(what + ": " + std::strerror(errno)); }

absl::Status Write(const std::string& path, const std::string& text) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.ok() && ::write(file.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
    return absl::OkStatus();
  }
  return SystemError("cannot write to " + path);
}

std::string Read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()};
}

// The number after `key` in the text of a file like memory.events; 0 if there is none.
uint64_t NumberOf(std::string_view key, const std::string& text) {
  const std::vector<std::string> words = Words(text);
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    if (words[i] == key) return std::strtoull(words[i + 1].c_str(), nullptr, 10);
  }
  return 0;
}

// The path of a group in a mounted hierarchy (proc(5), mountinfo): `root` of the hierarchy is mounted at `point`.
std::optional<std::string> PathIn(const std::string& root, const std::string& point, std::string_view group) {
  if (root == "/") return group == "/" ? point : point + std::string(group);
  if (!group.starts_with(root)) return std::nullopt;
  group.remove_prefix(root.size());
  if (!group.empty() && group.front() != '/') return std::nullopt;
  return point + std::string(group);
}

// The folder that stands for the group of this program.
absl::StatusOr<std::string> OwnGroup() {
  std::ifstream groups("/proc/self/cgroup");
  std::string group;
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::")) group = line.substr(3);
  }
  if (group.empty()) return absl::UnavailableError("this kernel has no control groups of version 2");
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    const size_t type = line.find(" - cgroup2 ");
    const std::vector<std::string> words = Words(line.substr(0, type));
    if (type == std::string::npos || words.size() < 5) continue;
    if (auto path = PathIn(words[3], words[4], group)) return *std::move(path);
  }
  return absl::UnavailableError("no file system of type cgroup2 shows the program's control group " + group);
}

// Waits until no process is left in the group at `path`, or `until`.
void WaitUntilEmpty(const std::string& path, std::chrono::steady_clock::time_point until) {
  const FileDescriptor events(::open((path + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  while (true) {
    std::string text(256, '\0');
    // If something changes after this, poll(2) returns at once.
    const ssize_t got = ::pread(events.number(), text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (NumberOf("populated", text) == 0 || left <= 0) return;
    pollfd change{.fd = events.number(), .events = POLLPRI, .revents = 0};
    ::poll(&change, 1, static_cast<int>(left));
  }
}

}  // namespace

// --- One session

bool SessionGroup::Reached(GroupLimit limit) const {
  switch (limit) {
    case GroupLimit::kMemory:
      return NumberOf("oom_kill", Read(path_ + "/memory.events")) != 0;
    case GroupLimit::kThreads:
      return NumberOf("max", Read(path_ + "/pids.events")) != 0;
    case GroupLimit::kProcessors:
      break;
  }
  return false;
}

void SessionGroup::End() {
  if (path_.empty()) return;
  Write(path_ + "/cgroup.kill", "1").IgnoreError();
  WaitUntilEmpty(path_, std::chrono::steady_clock::now() + kPatience);
  if (::rmdir(path_.c_str()) != 0) log_.Warning("group.left", {{"group", path_}, {"reason", std::strerror(errno)}});
  path_.clear();
}

// --- All sessions

absl::StatusOr<std::unique_ptr<SessionGroups>> SessionGroups::Take(const GroupLimits& limits, Log& log) {
  auto own = OwnGroup();
  if (!own.ok()) return own.status();
  fs::path path = *std::move(own);
  const bool moved = path.filename() == kSubgroup;
  if (moved) path = path.parent_path();
  FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.ok()) return SystemError("cannot open " + path.string());
  if (::faccessat(folder.number(), "cgroup.subtree_control", W_OK, AT_EACCESS) != 0) {
    return SystemError(path.string() + " is not delegated to this program");
  }
  if (::flock(folder.number(), LOCK_EX | LOCK_NB) != 0) {
    return absl::UnavailableError("another probegate-debugd uses " + path.string());
  }
  std::unique_ptr<SessionGroups> groups(new SessionGroups(path, std::move(folder), limits, log));
  if (!moved) {
    if (const absl::Status status = groups->MoveToSubgroup(); !status.ok()) return status;
  }
  groups->RemoveForgotten();
  groups->EnableLimits();
  return groups;
}

absl::Status SessionGroups::MoveToSubgroup() const {
  // Such a group belongs to something else, such as a login or a container with several programs.
  if (Words(Read(path_ + "/cgroup.procs")) != std::vector{std::to_string(::getpid())}) {
    return absl::UnavailableError("there are other processes in " + path_);
  }
  const std::string subgroup = path_ + "/" + kSubgroup;
  if (::mkdir(subgroup.c_str(), S_IRWXU) != 0 && errno != EEXIST) return SystemError("cannot create " + subgroup);
  return Write(subgroup + "/cgroup.procs", "0");
}

void SessionGroups::RemoveForgotten() const {
  std::vector<std::string> forgotten;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_, error)) {
    if (entry.path().filename().string().starts_with(kSessionPrefix)) forgotten.push_back(entry.path());
  }
  for (std::string& group : forgotten) {
    log_.Info("group.forgotten", {{"group", group}});
    SessionGroup(std::move(group), log_).End();
  }
}

void SessionGroups::EnableLimits() {
  for (const GroupLimitRow& row : kGroupLimits) {
    has_[static_cast<size_t>(row.limit)] =
        Write(path_ + "/cgroup.subtree_control", "+" + std::string(row.controller)).ok();
  }
  if (Has(GroupLimit::kProcessors)) Write(path_ + "/" + kSubgroup + "/cpu.weight", kWeight).IgnoreError();
}

absl::StatusOr<SessionGroup> SessionGroups::Make() const {
  std::string path = path_ + "/" + kSessionPrefix + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return SystemError("cannot create a control group in " + path_);
  SessionGroup group(std::move(path), log_);
  if (const absl::Status status = SetLimits(group.path()); !status.ok()) return status;
  return group;
}

absl::Status SessionGroups::SetLimits(const std::string& group) const {
  absl::Status status;
  if (Has(GroupLimit::kMemory)) {
    status.Update(Write(group + "/memory.max", std::to_string(limits_.memory_bytes)));
    // A session that has lost one of its programs is of no use, so all are killed.
    status.Update(Write(group + "/memory.oom.group", "1"));
    // Not every kernel counts swap.
    Write(group + "/memory.swap.max", "0").IgnoreError();
  }
  if (Has(GroupLimit::kThreads)) status.Update(Write(group + "/pids.max", std::to_string(limits_.threads)));
  if (Has(GroupLimit::kProcessors)) {
    const auto quota = static_cast<int64_t>(limits_.processors * kPeriodMicroseconds);
    status.Update(Write(group + "/cpu.max", std::to_string(quota) + " " + std::to_string(kPeriodMicroseconds)));
  }
  return status;
}

}  // namespace probegate
