#include "debug/upload_store.h"

#include <sys/random.h>

#include <array>

#include "absl/strings/escaping.h"
#include "debug/elf_files.h"

namespace probegate {
namespace {

// 128 bits that cannot be guessed.
absl::StatusOr<std::string> RandomName() {
  std::array<char, 16> bits;
  if (::getrandom(bits.data(), bits.size(), 0) != static_cast<ssize_t>(bits.size())) {
    return absl::InternalError("cannot get random numbers from the system");
  }
  return absl::BytesToHexString(absl::string_view(bits.data(), bits.size()));
}

}  // namespace

ElfUpload::~ElfUpload() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

UploadStore::Incoming::Incoming(UploadStore& store, std::string host, std::filesystem::path path)
    : store_(store),
      host_(std::move(host)),
      file_(std::make_shared<ElfUpload>(path)),
      stream_(path, std::ios::binary) {}

UploadStore::Incoming::~Incoming() {
  if (finished_) return;
  MutexLock lock(store_.mutex_);
  --store_.incoming_;
}

absl::Status UploadStore::Incoming::Append(std::string_view data) {
  size_ += data.size();
  if (size_ > store_.max_bytes_) {
    return absl::ResourceExhaustedError("the ELF file is larger than the limit of " +
                                        std::to_string(store_.max_bytes_) + " bytes (--max-upload)");
  }
  if (!stream_.write(data.data(), static_cast<std::streamsize>(data.size()))) {
    return absl::InternalError("the ELF file cannot be stored");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> UploadStore::Incoming::Finish() {
  stream_.close();
  if (!stream_) return absl::InternalError("the ELF file cannot be stored");
  if (const absl::Status status = CheckElf(file_->path()); !status.ok()) return status;
  std::string name = kPrefix + file_->path().stem().string();
  MutexLock lock(store_.mutex_);
  store_.kept_[name] = {host_, file_, Clock::now()};
  // From here on the file counts as waiting, in kept_.
  --store_.incoming_;
  finished_ = true;
  return name;
}

absl::StatusOr<std::unique_ptr<UploadStore::Incoming>> UploadStore::Begin(const std::string& host) {
  const auto name = RandomName();
  if (!name.ok()) return name.status();
  std::map<std::string, Kept> expired;
  {
    MutexLock lock(mutex_);
    const Clock::time_point now = Clock::now();
    for (auto entry = kept_.begin(); entry != kept_.end();) {
      const auto next = std::next(entry);
      if (now - entry->second.since > kKeptFor) expired.insert(kept_.extract(entry));
      entry = next;
    }
    if (kept_.size() + incoming_ >= max_files_) {
      return absl::ResourceExhaustedError(
          "too many uploaded ELF files are waiting for their sessions; try again later");
    }
    ++incoming_;
  }
  return std::unique_ptr<Incoming>(new Incoming(*this, host, folder_ / (*name + ".elf")));
}

absl::StatusOr<std::shared_ptr<ElfUpload>> UploadStore::Take(const std::string& name, const std::string& host) {
  MutexLock lock(mutex_);
  const auto found = kept_.find(name);
  if (found == kept_.end() || found->second.host != host) {
    return absl::NotFoundError("there is no such upload; each upload can be used once, by the machine that sent it");
  }
  std::shared_ptr<ElfUpload> file = std::move(found->second.file);
  kept_.erase(found);
  return file;
}

size_t UploadStore::size() const {
  MutexLock lock(mutex_);
  return kept_.size() + incoming_;
}

}  // namespace probegate
