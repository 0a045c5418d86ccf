// Keeps the contents of boards' flash and UICR across restarts, in a file for each board: <directory>/<serial>.flash
// has flash and then UICR, byte for byte.
//
// A board reports its changes without waiting for the disk. The store has its own copy of the contents, and a thread
// that writes a board's file half a second after the first unsaved change. So a file is written at most twice a second;
// a process that is killed loses the changes of that half second and of the time that the write takes; and a file is
// never half written. A write that fails is logged once and retried until it succeeds.
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

  // Creates the directory if it does not exist. Throws std::runtime_error if it cannot be used, or is in use by another
  // process.
  FlashStore(const std::string& directory, std::shared_ptr<spdlog::logger> log,
             std::chrono::milliseconds delay = kDelay);
  // Writes all unsaved changes.
  ~FlashStore();
  FlashStore(const FlashStore&) = delete;
  FlashStore& operator=(const FlashStore&) = delete;

  // The saved contents of a board; nothing if it has no file. Throws std::runtime_error if the file cannot be read or
  // is not a board's. May be called from any thread; blocks for the disk.
  std::optional<FlashContents> Read(const std::string& serial) const;

  // Starts saving the changes of this board, which now holds `contents`; to be called once for each board. The returned
  // function is to be called at each change, from any thread, while the store exists; it copies the bytes and does not
  // wait for the disk. The board's file is created or replaced at the first change, not before.
  FlashChanged Keep(const std::string& serial, FlashContents contents);

 private:
  using Clock = std::chrono::steady_clock;

  struct Board {
    const std::string serial;
    const std::string path;
    std::mutex mutex;
    FlashContents contents;  // guarded by mutex
    bool dirty = false;      // guarded by mutex; true if and only if the board is in due_ or about to be added to it
    bool failing = false;    // used by the store's thread only
  };

  std::string PathOf(const std::string& serial) const;
  void Change(Board& board, uint32_t address, std::span<const uint8_t> bytes);
  void Schedule(Board& board);
  void Retry(Board& board);
  void Run();
  // Returns false if the file could not be written.
  bool Save(Board& board);

  const std::string directory_;
  const std::shared_ptr<spdlog::logger> log_;
  const std::chrono::milliseconds delay_;
  std::unique_ptr<FileDescriptor> lock_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Board>> boards_;    // guarded by mutex_, but not the boards themselves
  std::multimap<Clock::time_point, Board*> due_;  // guarded by mutex_: when each dirty board is to be written
  bool ending_ = false;                           // guarded by mutex_
  std::thread thread_;
};

}  // namespace probegate::sim
