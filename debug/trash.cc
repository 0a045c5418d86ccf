#include "debug/trash.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace probegate {
namespace {

constexpr int kOpenFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kEntriesBetweenLooks = 64;  // at the clock

// A folder's entries.
class Entries {
 public:
  // `folder` in `parent`, which must not be a symbolic link. Sets its access rights, so that it can be emptied.
  Entries(int parent, const std::string& folder) {
    int opened = ::openat(parent, folder.c_str(), kOpenFolder);
    if (opened < 0 && errno == EACCES && ::fchmodat(parent, folder.c_str(), S_IRWXU, 0) == 0) {
      opened = ::openat(parent, folder.c_str(), kOpenFolder);
    }
    if (opened < 0) return;
    ::fchmod(opened, S_IRWXU);
    stream_ = ::fdopendir(opened);
    if (stream_ == nullptr) ::close(opened);
  }
  ~Entries() {
    if (stream_ != nullptr) ::closedir(stream_);
  }
  Entries(const Entries&) = delete;
  Entries& operator=(const Entries&) = delete;

  bool ok() const { return stream_ != nullptr; }
  int folder() const { return ::dirfd(stream_); }
  // The next entry; null at the end.
  const char* Next() {
    while (const dirent* const entry = ::readdir(stream_)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") return entry->d_name;
    }
    return nullptr;
  }

 private:
  DIR* stream_ = nullptr;
};

}  // namespace

// A tree that is being removed. Threads: one at a time.
class Trash::Tree {
 public:
  Tree(Trash& trash, std::string name, std::shared_ptr<void> place)
      : trash_(trash), name_(name), place_(std::move(place)), folders_{std::move(name)} {
    ++trash_.size_;
  }
  ~Tree() {
    if (!folders_.empty()) trash_.Report(name_, "there was no time left to remove it");
    if (folders_.empty() && reason_.empty()) --trash_.size_;
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  // Removes as much as it can until `until`. True if nothing more can be removed.
  bool Remove(Clock::time_point until) {
    while (!folders_.empty()) {
      if (!Empty(folders_.back(), until)) return false;
    }
    if (!reason_.empty()) trash_.Report(name_, reason_);
    place_ = nullptr;
    return true;
  }

 private:
  // Empties and removes a folder, or adds one of its folders to those that come before it. False if the time is over.
  bool Empty(const std::string& folder, Clock::time_point until) {
    Entries entries(trash_.folder_.number(), folder);
    if (!entries.ok()) return Leave(folder);
    int seen = 0;
    while (const char* const entry = entries.Next()) {
      if (++seen % kEntriesBetweenLooks == 0 && Clock::now() >= until) return false;
      if (::unlinkat(entries.folder(), entry, 0) == 0) continue;
      const int error = errno;
      if (::unlinkat(entries.folder(), entry, AT_REMOVEDIR) == 0) continue;
      if (errno == ENOTDIR) {
        Fail(folder + "/" + entry, error);
      } else if (MoveUp(entries.folder(), entry)) {
        return Clock::now() < until;
      } else {
        Fail(folder + "/" + entry, errno);
      }
    }
    if (::unlinkat(trash_.folder_.number(), folder.c_str(), AT_REMOVEDIR) != 0) return Leave(folder);
    folders_.pop_back();
    return true;
  }

  // A folder that is not empty becomes the next to be emptied.
  bool MoveUp(int parent, const char* entry) {
    const std::string name = trash_.NewName();
    const auto move = [&] { return ::renameat(parent, entry, trash_.folder_.number(), name.c_str()) == 0; };
    // Moving a folder to another one changes its "..", for which it must be writable.
    if (!move() && (errno != EACCES || ::fchmodat(parent, entry, S_IRWXU, 0) != 0 || !move())) return false;
    folders_.push_back(name);
    return true;
  }

  void Fail(const std::string& what, int error) {
    if (reason_.empty()) reason_ = what + ": " + std::strerror(error);
  }
  bool Leave(const std::string& folder) {
    Fail(folder, errno);
    folders_.pop_back();
    return true;
  }

  Trash& trash_;
  const std::string name_;
  std::shared_ptr<void> place_;
  std::vector<std::string> folders_;  // in the trash, still to be removed; the last comes first
  std::string reason_;                // why something stays; empty if nothing does
};

absl::StatusOr<std::unique_ptr<Trash>> Trash::Make(std::filesystem::path folder, Log& log) {
  ::mkdir(folder.c_str(), S_IRWXU);
  const int opened = ::open(folder.c_str(), kOpenFolder);
  if (opened < 0) return absl::UnavailableError("cannot create " + folder.string() + ": " + std::strerror(errno));
  return std::unique_ptr<Trash>(new Trash(std::move(folder), opened, log));
}

Trash::Trash(std::filesystem::path path, int folder, Log& log) : path_(std::move(path)), folder_(folder), log_(log) {}

Trash::~Trash() { end_ = Clock::now() + kPatience; }

void Trash::Put(const std::filesystem::path& tree, std::chrono::milliseconds patience, std::shared_ptr<void> place) {
  const std::string name = NewName();
  const auto move = [&] { return ::renameat(AT_FDCWD, tree.c_str(), folder_.number(), name.c_str()) == 0; };
  if (!move() && (errno != EACCES || ::chmod(tree.c_str(), S_IRWXU) != 0 || !move())) {
    ++size_;
    log_.Warning("work.left",
                 {{"folder", tree.string()}, {"reason", std::string("cannot move: ") + std::strerror(errno)}});
    return;
  }
  auto removal = std::make_shared<Tree>(*this, name, std::move(place));
  if (patience.count() > 0 && removal->Remove(std::min(Clock::now() + patience, end_.load()))) return;
  background_.Run([this, removal = std::move(removal)]() mutable { Continue(std::move(removal)); });
}

void Trash::Continue(std::shared_ptr<Tree> tree) {
  if (tree->Remove(std::min(Clock::now() + kTurn, end_.load())) || Clock::now() >= end_.load()) return;
  background_.Run([this, tree = std::move(tree)]() mutable { Continue(std::move(tree)); });
}

void Trash::Report(const std::string& name, const std::string& reason) {
  log_.Warning("work.left", {{"folder", (path_ / name).string()}, {"reason", reason}});
}

}  // namespace probegate
