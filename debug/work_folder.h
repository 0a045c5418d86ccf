// The folder in which probegate-debugd keeps its files: those of its sessions, uploads, and what is to be removed.
//
// Threads: any.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/file_descriptor.h"
#include "debug/trash.h"
#include "telemetry/log.h"

namespace probegate {

class WorkFolder {
 public:
  // Makes a folder in `parent` that only this user can access. Begins to remove those that programs left there that
  // were killed; a program that runs keeps a lock (flock(2)) on its own. UNAVAILABLE, with one line, if that fails.
  // Blocks.
  static absl::StatusOr<std::unique_ptr<WorkFolder>> Make(const std::string& parent, Log& log);
  // Removes the folder. Blocks for some seconds at most, and logs what is left.
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  // A new folder for a session. The error has the system's reason. Blocks.
  absl::StatusOr<std::string> MakeSessionFolder() const;
  // Removes a session's folder, whatever is in it. When it returns, nothing is at `folder` any more. Blocks for about a
  // second at most; what takes longer is removed later, and `place` is kept until then.
  void RemoveSessionFolder(const std::string& folder, std::shared_ptr<void> place);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path uploads() const { return path_ / "uploads"; }
  const Trash& trash() const { return *trash_; }

 private:
  WorkFolder(std::filesystem::path path, int lock, Log& log) : path_(std::move(path)), lock_(lock), log_(log) {}
  void RemoveForgotten();

  const std::filesystem::path path_;
  const FileDescriptor lock_;
  Log& log_;
  std::unique_ptr<Trash> trash_;
};

}  // namespace probegate
