#include "debug/work_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

namespace probegate {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "probegate-debugd-";
constexpr int kOpenFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::chrono::seconds kPatience{1};

absl::Status CannotCreate(const std::string& in, const std::string& why) {
  return absl::UnavailableError("cannot create a folder in " + in + ": " + why + " (--work-dir)");
}

bool IsOwn(const fs::path& folder) {
  struct stat status{};
  return ::lstat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid();
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkFolder>> WorkFolder::Make(const std::string& parent, Log& log) {
  std::string pattern = parent + "/" + kPrefix + "XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) return CannotCreate(parent, std::strerror(errno));
  std::error_code error;
  const fs::path path = fs::canonical(pattern, error);
  if (error) return CannotCreate(parent, error.message());
  const int lock = ::open(path.c_str(), kOpenFolder);
  std::unique_ptr<WorkFolder> work(new WorkFolder(path, lock, log));
  // Another program may find the folder before it is locked, but only removes it if it gets the lock.
  if (lock < 0 || ::flock(lock, LOCK_EX) != 0) return CannotCreate(parent, "cannot lock it");
  if (!fs::create_directory(work->uploads(), error) || error) return CannotCreate(path, error.message());
  auto trash = Trash::Make(path / "trash", log);
  if (!trash.ok()) return trash.status();
  work->trash_ = *std::move(trash);
  work->RemoveForgotten();
  return work;
}

void WorkFolder::RemoveForgotten() {
  std::error_code error;
  for (auto entry = fs::directory_iterator(path_.parent_path(), error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const fs::path& folder = entry->path();
    if (!folder.filename().string().starts_with(kPrefix) || folder == path_ || !IsOwn(folder)) continue;
    const FileDescriptor lock(::open(folder.c_str(), kOpenFolder));
    // A program that has just made its folder has not locked it yet; it is empty then.
    if (!lock.ok() || ::flock(lock.number(), LOCK_EX | LOCK_NB) != 0 || fs::is_empty(folder, error)) continue;
    log_.Info("work.forgotten", {{"folder", folder.string()}});
    trash_->Put(folder, std::chrono::milliseconds(0));
  }
}

WorkFolder::~WorkFolder() {
  trash_ = nullptr;
  std::error_code ignored;
  fs::remove_all(uploads(), ignored);
  fs::remove(path_ / "trash", ignored);
  if (::rmdir(path_.c_str()) == 0) return;
  log_.Warning("work.left", {{"folder", path_.string()}, {"reason", std::strerror(errno)}});
}

absl::StatusOr<std::string> WorkFolder::MakeSessionFolder() const {
  std::string pattern = (path_ / "session-XXXXXX").string();
  if (::mkdtemp(pattern.data()) != nullptr) return pattern;
  return absl::UnavailableError(std::string("cannot create a folder for the session's files: ") + std::strerror(errno));
}

void WorkFolder::RemoveSessionFolder(const std::string& folder, std::shared_ptr<void> place) {
  trash_->Put(folder, kPatience, std::move(place));
}

}  // namespace probegate
