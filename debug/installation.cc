#include "debug/installation.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "debug/quoted.h"

namespace probegate {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxLinks = 16;          // as many as a path may have
constexpr size_t kMaxFirstLine = 256;  // the kernel's own limit (binfmt_script.c)
constexpr char kVenvFile[] = "pyvenv.cfg";

// The parts of an installation. Toolchains also have a folder of the target's name, such as arm-none-eabi.
constexpr std::array<const char*, 10> kParts = {"bin",   "lib",     "lib32",     "lib64",   "libexec",
                                                "share", "scripts", "_internal", "openocd", kVenvFile};

bool IsBelow(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

bool IsSystems(const fs::path& path) {
  const auto& files = SystemFiles();
  return std::any_of(files.begin(), files.end(), [&](const std::string& file) { return IsBelow(path, file); });
}

fs::path Canonical(const fs::path& path) {
  std::error_code error;
  fs::path found = fs::canonical(path, error);
  return error ? fs::path() : found;
}

bool IsHome(const fs::path& folder) {
  const char* const home = std::getenv("HOME");
  if (home != nullptr && *home != '\0' && folder == Canonical(home)) return true;
  if (folder == "/root" || folder.parent_path() == "/home") return true;
  // Every home belongs to its user.
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0) return false;
  passwd entry{};
  passwd* user = nullptr;
  std::array<char, 4096> text;
  return ::getpwuid_r(status.st_uid, &entry, text.data(), text.size(), &user) == 0 && user != nullptr &&
         folder == Canonical(user->pw_dir);
}

// Whether other things than one installation are expected in `folder`.
bool IsShared(const fs::path& folder) {
  const bool is_top = std::distance(folder.begin(), folder.end()) <= 2;  // the first is the root folder
  return is_top || IsHome(folder) || (folder.filename() == ".local" && IsHome(folder.parent_path()));
}

// A triplet, such as arm-none-eabi.
bool IsTarget(const std::string& name) { return std::count(name.begin(), name.end(), '-') >= 2 && name.front() != '.'; }

// The line `key = value` of a virtual environment's file.
std::string ValueIn(const fs::path& file, const std::string& key) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    std::string name, equals, value;
    if (words >> name >> equals && name == key && equals == "=" && std::getline(words >> std::ws, value)) return value;
  }
  return {};
}

// The program that executes a script; empty if `file` is not one.
std::string InterpreterOf(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string line(kMaxFirstLine, '\0');
  stream.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<size_t>(stream.gcount()));
  if (!line.starts_with("#!")) return {};
  std::istringstream words(line.substr(2, line.find('\n') - 2));
  std::string interpreter;
  words >> interpreter;
  return interpreter;
}

// Collects what a program needs.
class Search {
 public:
  // Follows the program, its links, and its interpreter.
  absl::Status Follow(const std::string& program, bool is_interpreter = false) {
    fs::path at = program;
    for (int links = 0; links < kMaxLinks; ++links) {
      const fs::path folder = Canonical(at.parent_path());
      if (folder.empty()) break;
      at = folder / at.filename();
      if (const absl::Status status = AddAround(at, is_interpreter); !status.ok()) return status;
      std::error_code error;
      const fs::path target = fs::read_symlink(at, error);
      if (error) break;
      at = target.is_absolute() ? target : folder / target;
    }
    const std::string interpreter = InterpreterOf(at);
    if (interpreter.empty() || followed_.contains(interpreter) || followed_.size() >= kMaxLinks)
      return absl::OkStatus();
    followed_.insert(interpreter);
    return Follow(interpreter, true);
  }

  std::set<std::string> paths;
  bool found = false;  // the program is the system's, or part of an installation
  std::string shared;  // a folder that is not an installation, although the program lies in it

 private:
  // The installation that a program at `file`, whose folder is canonical, is part of.
  absl::Status AddAround(const fs::path& file, bool is_interpreter) {
    if (IsSystems(file)) {
      // The system's Python says nothing about where the script's own modules are.
      found = found || !is_interpreter;
      return absl::OkStatus();
    }
    paths.insert(file.string());
    const fs::path folder = file.parent_path();
    const bool is_in_bin = folder.filename() == "bin" || folder.filename() == "sbin";
    return AddInstallation(is_in_bin ? folder.parent_path() : folder);
  }

  absl::Status AddInstallation(const fs::path& folder) {
    std::error_code error;
    const bool is_venv = fs::exists(folder / kVenvFile, error);
    if (IsShared(folder)) {
      shared = folder.string();
      if (!is_venv) return absl::OkStatus();
      return absl::FailedPreconditionError("the virtual environment is " + folder.string() +
                                           " itself, which clients would be able to read; make one in a folder of its "
                                           "own");
    }
    found = true;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      const bool is_part = std::find(kParts.begin(), kParts.end(), name) != kParts.end();
      if (is_part || IsTarget(name)) paths.insert(entry->path().string());
    }
    if (!is_venv) return absl::OkStatus();
    const std::string home = ValueIn(folder / kVenvFile, "home");
    const fs::path base = home.empty() ? fs::path() : Canonical(home);
    if (base.empty() || !followed_.insert(base.string()).second) return absl::OkStatus();
    return AddAround(base / "python3", true);
  }

  std::set<std::string> followed_;
};

}  // namespace

const std::vector<std::string>& SystemFiles() {
  static const auto* const files = new std::vector<std::string>{"/usr",
                                                                "/lib",
                                                                "/lib64",
                                                                "/bin",
                                                                "/etc/ld.so.cache",
                                                                "/etc/passwd",
                                                                "/etc/nsswitch.conf",
                                                                "/etc/hosts",
                                                                "/etc/localtime",
                                                                "/etc/gdb",
                                                                "/etc/python3",
                                                                "/etc/python3.11",
                                                                "/dev/urandom"};
  return *files;
}

absl::StatusOr<std::set<std::string>> InstallationOf(const std::string& program, bool may_be_alone) {
  Search search;
  search.paths.insert(program);
  if (const absl::Status status = search.Follow(program); !status.ok()) {
    return absl::FailedPreconditionError(Quoted(program) + " cannot be confined: " + std::string(status.message()));
  }
  if (!search.shared.empty() && !search.found && !may_be_alone) {
    return absl::FailedPreconditionError(
        Quoted(program) + " cannot be confined: what belongs to it cannot be told from what else is in " +
        search.shared + "; install it in a folder of its own, such as a virtual environment in /opt, or list what it " +
        "may read in a recipe (`read`, which may be an empty list)");
  }
  return std::move(search.paths);
}

}  // namespace probegate
