// ELF files that clients upload, each for one session.
//
// A file is removed with the last owner of its ElfUpload. If no session takes it within Limits::kept_for, the store
// removes it. The size of a file is bounded here, the number of files in all and per client by a quota.
//
// Threads: any. Only what says so blocks on the file system.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "access/service/caller.h"
#include "base/file_descriptor.h"
#include "base/mutex.h"
#include "base/quota.h"
#include "base/timers.h"
#include "debug/workers.h"

namespace probegate {

// A file that is removed when this object is destroyed, which blocks.
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
  static constexpr char kPrefix[] = "upload:";  // of the names that clients get for their uploads

  struct Limits {
    uint64_t bytes = uint64_t{64} << 20;  // of one file
    std::chrono::milliseconds kept_for = std::chrono::minutes(10);
  };

  // `folder` must exist, and must not be used for anything else. `uploads` and `disk` must outlive the store, and so
  // must `timers`, which must have been stopped when the store is destroyed.
  UploadStore(std::filesystem::path folder, Limits limits, Quota& uploads, Timers& timers, Workers& disk)
      : folder_(std::move(folder)), limits_(limits), uploads_(uploads), timers_(timers), disk_(disk) {}

  // A file that is being uploaded. Its functions and its destructor block. Threads: one at a time. The store must
  // outlive it.
  class Incoming {
   public:
    // RESOURCE_EXHAUSTED if the file gets larger than allowed, or the disk is full.
    absl::Status Append(std::string_view data);
    // The name under which Take returns the file. INVALID_ARGUMENT if it is not an ELF file. To be called once; after
    // success, the file is the store's.
    absl::StatusOr<std::string> Finish();
    // Removes the file. Nothing else may be called after that.
    void Discard();
    uint64_t size() const { return size_; }

   private:
    friend class UploadStore;
    Incoming(UploadStore& store, std::string owner, std::filesystem::path path, Quota::Grant grant);
    absl::Status Write(std::string_view data);
    UploadStore& store_;
    const std::string owner_;
    std::shared_ptr<ElfUpload> file_;
    Quota::Grant grant_;
    std::unique_ptr<FileDescriptor> output_;  // from the first part on, until Finish
    uint64_t size_ = 0;
  };

  // Begins an upload from a client. RESOURCE_EXHAUSTED if too many files are waiting or being uploaded.
  absl::StatusOr<std::shared_ptr<Incoming>> Begin(const Caller& caller);

  // Removes the upload from the store and returns it, if it belongs to this owner (Caller::owner): the identity that
  // uploaded it or, if that is not proved, the host. Otherwise NOT_FOUND.
  absl::StatusOr<std::shared_ptr<ElfUpload>> Take(const std::string& name, const std::string& owner);

  // Removes the upload, if it is still there.
  void Drop(const std::string& name);

 private:
  struct Kept {
    std::string owner;
    std::shared_ptr<ElfUpload> file;
    Quota::Grant grant;
    Clock::time_point until;
  };

  void Keep(const std::string& name, Kept kept);
  void DropExpired();
  void Remove(std::shared_ptr<ElfUpload> file);

  const std::filesystem::path folder_;
  const Limits limits_;
  Quota& uploads_;
  Timers& timers_;
  Workers& disk_;
  const std::shared_ptr<void> alive_ = std::make_shared<char>();  // for the timer
  Mutex mutex_;
  std::map<std::string, Kept> kept_ ABSL_GUARDED_BY(mutex_);
  bool timer_set_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace probegate
