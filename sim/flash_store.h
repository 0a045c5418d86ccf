// Keeps what boards have in flash and UICR across restarts, in a file a board: <directory>/<serial>.flash, flash and
// then UICR, byte for byte.
//
// A board says what has changed and goes on; the store has a copy of its own, and a thread that puts it on disk half a
// second after the first change that is not there yet. So a file is written at most twice a second, a process that is
// killed loses that half second and what the disk takes, and a file is never torn. What cannot be written is logged
// once and tried again until it can be.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sim/file_descriptor.h"
#include "sim/image/flash_contents.h"

namespace spdlog {
class logger;
}

namespace probegate::sim {

class FlashStore {
 public:
  static constexpr std::chrono::milliseconds kDelay{500};

  // Makes the directory where it is not there. Throws std::runtime_error where it cannot be used, or another process
  // uses it.
  FlashStore(const std::string& directory, std::shared_ptr<spdlog::logger> log,
             std::chrono::milliseconds delay = kDelay);
  // Writes what is not on disk yet.
  ~FlashStore();
  FlashStore(const FlashStore&) = delete;
  FlashStore& operator=(const FlashStore&) = delete;

  // What is kept of a board; nothing where it has no file. Throws std::runtime_error where the file cannot be read or
  // is none of a board. Any thread; blocks for the disk.
  std::optional<FlashContents> Read(const std::string& serial) const;

  // From now on keeps this board, once each, which holds `contents`. What it returns is to be called at each change,
  // from any thread, and not once the store is gone; it copies the bytes and does not wait for the disk. The board's
  // file is made or replaced at the first change, not before.
  FlashChanged Keep(const std::string& serial, FlashContents contents);

 private:
  using Clock = std::chrono::steady_clock;

  struct Board {
    const std::string serial;
    const std::string path;
    std::mutex mutex;
    FlashContents contents;  // guarded by mutex
    bool dirty = false;      // guarded by mutex; then, and only then, the board is in due_ or on its way there
    bool failing = false;    // the thread's
  };

  std::string PathOf(const std::string& serial) const;
  void Change(Board& board, uint32_t address, std::span<const uint8_t> bytes);
  void Schedule(Board& board);
  void Retry(Board& board);
  void Run();
  // Whether it is on disk now.
  bool Save(Board& board);

  const std::string directory_;
  const std::shared_ptr<spdlog::logger> log_;
  const std::chrono::milliseconds delay_;
  std::unique_ptr<FileDescriptor> lock_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Board>> boards_;    // guarded by mutex_; what is in them is not
  std::multimap<Clock::time_point, Board*> due_;  // guarded by mutex_: when each dirty board is to be written
  bool ending_ = false;                           // guarded by mutex_
  std::thread thread_;
};

}  // namespace probegate::sim
