#include "access/service/access_files.h"

#include <string>
#include <utility>

#include "base/mutex.h"

namespace probegate {

// Threads that fetch keys may end a little later than the program's other parts: what they say then is dropped.
class AccessFiles::LogOfKeys {
 public:
  explicit LogOfKeys(Log& log) : log_(log) {}
  void OnFailed(const absl::Status& why) {
    MutexLock lock(mutex_);
    if (!closed_) log_.Warning("access.keys_failed", {{"reason", std::string(why.message())}});
  }
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
  }

 private:
  Mutex mutex_;
  Log& log_;  // may be gone once this is closed
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

absl::StatusOr<std::unique_ptr<AccessFiles>> AccessFiles::Open(const AccessFile::Paths& paths, AccessControl& access,
                                                               AccessTrail& trail, Log& log,
                                                               std::function<void()> changed) {
  std::unique_ptr<AccessFiles> files(new AccessFiles);
  files->log_of_keys_ = std::make_shared<LogOfKeys>(log);
  const auto on_changed = [&access, &trail, changed = std::move(changed)](const auto& now) {
    access.SetCurrent(now);
    trail.OnChanged(*now->policy);
    changed();
  };
  const auto on_invalid = [&trail](const absl::Status& why) { trail.OnInvalid(why); };
  const auto on_keys_failed = [keys = files->log_of_keys_](const absl::Status& why) { keys->OnFailed(why); };
  auto file = AccessFile::Open(paths, {.changed = on_changed, .invalid = on_invalid, .keys_failed = on_keys_failed});
  if (!file.ok()) return file.status();
  files->file_ = *std::move(file);
  // The files may change just now.
  std::shared_ptr<const AccessSnapshot> taken;
  while (files->file_->current() != taken) {
    taken = files->file_->current();
    access.SetCurrent(taken);
  }
  return files;
}

AccessFiles::~AccessFiles() {
  file_ = nullptr;
  if (log_of_keys_ != nullptr) log_of_keys_->Close();
}

}  // namespace probegate
