#include "debug/upload_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/random_digits.h"
#include "debug/elf_files.h"

namespace probegate {
namespace {

absl::Status CannotStore(int error) {
  const std::string what = std::string("cannot store the ELF file in --work-dir: ") + std::strerror(error);
  const bool is_full = error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE;
  return is_full ? absl::ResourceExhaustedError(what) : absl::InternalError(what);
}

}  // namespace

ElfUpload::~ElfUpload() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

UploadStore::Incoming::Incoming(UploadStore& store, std::string owner, std::filesystem::path path, Quota::Grant grant)
    : store_(store),
      owner_(std::move(owner)),
      file_(std::make_shared<ElfUpload>(std::move(path))),
      grant_(std::move(grant)) {}

absl::Status UploadStore::Incoming::Append(std::string_view data) {
  size_ += data.size();
  if (size_ > store_.limits_.bytes) {
    return absl::ResourceExhaustedError("the ELF file is larger than the limit of " +
                                        std::to_string(store_.limits_.bytes) + " bytes (--max-upload)");
  }
  return Write(data);
}

absl::Status UploadStore::Incoming::Write(std::string_view data) {
  if (output_ == nullptr) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    output_ = std::make_unique<FileDescriptor>(::open(file_->path().c_str(), kFlags, 0600));
    if (!output_->ok()) return CannotStore(errno);
  }
  while (!data.empty()) {
    const ssize_t written = ::write(output_->number(), data.data(), data.size());
    if (written > 0) {
      data.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      return CannotStore(errno);
    }
  }
  return absl::OkStatus();
}

void UploadStore::Incoming::Discard() {
  output_ = nullptr;
  file_ = nullptr;
  grant_.GiveBack();
}

absl::StatusOr<std::string> UploadStore::Incoming::Finish() {
  output_ = nullptr;
  if (const absl::Status status = CheckElf(file_->path()); !status.ok()) return status;
  std::string name = kPrefix + file_->path().stem().string();
  store_.Keep(name, {.owner = owner_, .file = std::move(file_), .grant = std::move(grant_), .until = {}});
  return name;
}

absl::StatusOr<std::shared_ptr<UploadStore::Incoming>> UploadStore::Begin(const Caller& caller) {
  const auto name = RandomDigits();
  if (!name) return absl::InternalError("cannot get random numbers from the system");
  auto grant = uploads_.Take(caller.key, 1, caller.limits.uploads);
  if (!grant.ok()) {
    return absl::ResourceExhaustedError(
        std::string(grant.status().message()) +
        " (--max-uploads, --max-uploads-per-client); each counts until its session has begun, or for ten minutes");
  }
  return std::shared_ptr<Incoming>(new Incoming(*this, caller.owner, folder_ / (*name + ".elf"), *std::move(grant)));
}

void UploadStore::Keep(const std::string& name, Kept kept) {
  MutexLock lock(mutex_);
  kept.until = Clock::now() + limits_.kept_for;
  if (!std::exchange(timer_set_, true)) timers_.At(kept.until, alive_, [this] { DropExpired(); });
  kept_.emplace(name, std::move(kept));
}

void UploadStore::DropExpired() {
  std::vector<Kept> expired;
  {
    MutexLock lock(mutex_);
    const Clock::time_point now = Clock::now();
    Clock::time_point next = Clock::time_point::max();
    for (auto entry = kept_.begin(); entry != kept_.end();) {
      if (entry->second.until <= now) {
        expired.push_back(std::move(entry->second));
        entry = kept_.erase(entry);
      } else {
        next = std::min(next, (entry++)->second.until);
      }
    }
    timer_set_ = !kept_.empty();
    if (timer_set_) timers_.At(next, alive_, [this] { DropExpired(); });
  }
  for (Kept& kept : expired) Remove(std::move(kept.file));
}

absl::StatusOr<std::shared_ptr<ElfUpload>> UploadStore::Take(const std::string& name, const std::string& owner) {
  Quota::Grant grant;  // given back without the lock
  MutexLock lock(mutex_);
  const auto found = kept_.find(name);
  if (found == kept_.end() || found->second.owner != owner) {
    return absl::NotFoundError("there is no such upload; each upload can be used once, by the client that sent it");
  }
  std::shared_ptr<ElfUpload> file = std::move(found->second.file);
  grant = std::move(found->second.grant);
  kept_.erase(found);
  return file;
}

void UploadStore::Drop(const std::string& name) {
  Kept kept;
  {
    MutexLock lock(mutex_);
    const auto found = kept_.find(name);
    if (found == kept_.end()) return;
    kept = std::move(found->second);
    kept_.erase(found);
  }
  Remove(std::move(kept.file));
}

void UploadStore::Remove(std::shared_ptr<ElfUpload> file) {
  disk_.Run([file = std::move(file)]() mutable { file = nullptr; });
}

}  // namespace probegate
