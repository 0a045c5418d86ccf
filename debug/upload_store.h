// ELF files that clients upload, each for one session.
//
// A file is removed with the last owner of its ElfUpload. If no session takes it within kKeptFor, it is removed when
// the next upload begins. The size and the number of files are bounded.
//
// Threads: any. Blocks on the file system.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace probegate {

// A file that is removed when this object is destroyed.
class ElfUpload {
 public:
  explicit ElfUpload(std::filesystem::path path) : path_(std::move(path)) {}
  ~ElfUpload();
  ElfUpload(const ElfUpload&) = delete;
  ElfUpload& operator=(const ElfUpload&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path path_;
};

class UploadStore {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::minutes kKeptFor{10};
  static constexpr char kPrefix[] = "upload:";  // of the names that clients get for their uploads

  // `folder` must exist, and must not be used for anything else.
  UploadStore(std::filesystem::path folder, uint64_t max_bytes, size_t max_files)
      : folder_(std::move(folder)), max_bytes_(max_bytes), max_files_(max_files) {}

  // A file that is being uploaded. Threads: one at a time. The store must outlive it.
  class Incoming {
   public:
    // RESOURCE_EXHAUSTED if the file gets larger than allowed.
    absl::Status Append(std::string_view data);
    // The name under which Take returns the file. INVALID_ARGUMENT if it is not an ELF file. To be called once.
    absl::StatusOr<std::string> Finish();
    uint64_t size() const { return size_; }
    ~Incoming();

   private:
    friend class UploadStore;
    Incoming(UploadStore& store, std::string host, std::filesystem::path path);
    UploadStore& store_;
    const std::string host_;
    std::shared_ptr<ElfUpload> file_;
    std::ofstream stream_;
    uint64_t size_ = 0;
    bool finished_ = false;
  };

  // Begins an upload from a client on `host`. RESOURCE_EXHAUSTED if too many files are waiting or being uploaded.
  absl::StatusOr<std::unique_ptr<Incoming>> Begin(const std::string& host);

  // Removes the upload from the store and returns it, if the client is on the host that uploaded it; otherwise
  // NOT_FOUND.
  absl::StatusOr<std::shared_ptr<ElfUpload>> Take(const std::string& name, const std::string& host);

  // The number of files that are waiting or being uploaded.
  size_t size() const;

 private:
  struct Kept {
    std::string host;
    std::shared_ptr<ElfUpload> file;
    Clock::time_point since;
  };

  const std::filesystem::path folder_;
  const uint64_t max_bytes_;
  const size_t max_files_;
  mutable Mutex mutex_;
  std::map<std::string, Kept> kept_ ABSL_GUARDED_BY(mutex_);
  size_t incoming_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace probegate
