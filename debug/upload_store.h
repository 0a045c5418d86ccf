// ELF files that clients send, each for one session.
//
// A file is removed with the last owner of its ElfUpload; one that no session asked for within kKeptFor, when the next
// upload comes. Bounded in size and number.
//
// Threads: any. Blocks for the file system.
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

// A file that is removed with this.
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
  static constexpr char kPrefix[] = "upload:";  // of the names that are given to clients

  // `folder` must be there, and be nobody else's.
  UploadStore(std::filesystem::path folder, uint64_t max_bytes, size_t max_files)
      : folder_(std::move(folder)), max_bytes_(max_bytes), max_files_(max_files) {}

  // One that is being sent. Not from several threads at once; must not outlive the store.
  class Incoming {
   public:
    // RESOURCE_EXHAUSTED past the size that is allowed.
    absl::Status Append(std::string_view data);
    // The name by which Take gives it out. INVALID_ARGUMENT where it is no ELF file. Once.
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

  // For a client on `host`. RESOURCE_EXHAUSTED where too many wait.
  absl::StatusOr<std::unique_ptr<Incoming>> Begin(const std::string& host);

  // Gives the upload out, once, to a client on the same host. NOT_FOUND else.
  absl::StatusOr<std::shared_ptr<ElfUpload>> Take(const std::string& name, const std::string& host);

  // Those that wait or are being sent.
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
