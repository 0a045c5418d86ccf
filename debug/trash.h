// A folder to which what a session leaves is moved at once, and from which it is then removed, whatever it is.
//
// A session's programs may leave folders that are nested deeper than a path can be long, folders without any access
// right, or a million files. Removing them therefore never has more than two files open, moves nested folders up before
// it empties them, and sets access rights. It takes at most a while of the caller's time; the rest is done by a thread
// of its own, by turns. What cannot be removed is logged once (`work.left`) and stays here, where it is in nobody's
// way.
//
// Threads: any.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/file_descriptor.h"
#include "debug/workers.h"
#include "telemetry/log.h"

namespace probegate {

class Trash {
 public:
  using Clock = std::chrono::steady_clock;

  // Creates the folder, which nothing else must use. `log` must outlive it.
  static absl::StatusOr<std::unique_ptr<Trash>> Make(std::filesystem::path folder, Log& log);
  // Goes on removing until kPatience has passed, and logs what is left. The folder itself is not removed.
  ~Trash();
  Trash(const Trash&) = delete;
  Trash& operator=(const Trash&) = delete;

  // Moves `tree`, a folder on the same file system, here, and removes it. Blocks for at most about `patience`, which
  // may be 0; after that, another thread goes on. `place` is kept until nothing more of it will be removed.
  void Put(const std::filesystem::path& tree, std::chrono::milliseconds patience,
           std::shared_ptr<void> place = nullptr);

  // The number of trees that are not removed yet, or cannot be.
  size_t size() const { return size_; }

 private:
  class Tree;
  static constexpr std::chrono::seconds kTurn{1};  // of one tree, in the background
  static constexpr std::chrono::seconds kPatience{3};

  Trash(std::filesystem::path path, int folder, Log& log);
  std::string NewName() { return std::to_string(++last_name_); }
  void Continue(std::shared_ptr<Tree> tree);
  void Report(const std::string& path, const std::string& reason);

  const std::filesystem::path path_;
  const FileDescriptor folder_;
  Log& log_;
  std::atomic<uint64_t> last_name_ = 0;
  std::atomic<size_t> size_ = 0;
  std::atomic<Clock::time_point> end_ = Clock::time_point::max();  // when removing must stop
  Workers background_{1};                                          // last: its destructor still uses the others
};

}  // namespace probegate
