// Writes the packets of all probes to a file, one JSON object per line (docs/hardware.md describes its contents).
//
// A thread that uses a probe never waits for the file: lines are buffered in memory, up to a limit. If the disk cannot
// keep up, some lines are left out, and the file says how many. The file's size is limited, too.
//
// Threads: any. It has one thread of its own, which writes the file.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "base/file_descriptor.h"
#include "base/mutex.h"
#include "probe/packet_sink.h"
#include "telemetry/log.h"

namespace probegate {

struct RecorderBounds {
  size_t waiting_bytes = 16u << 20;
  uint64_t file_bytes = uint64_t{4} << 30;
};

class PacketRecorder {
 public:
  // Creates the file, or empties an existing one, and makes it readable only by its owner, because it contains data
  // read from targets. A symbolic link is not followed. kInvalidArgument if the file cannot be created. `log` must
  // outlive the recorder.
  static absl::StatusOr<std::unique_ptr<PacketRecorder>> Open(const std::string& file, Log& log,
                                                              const RecorderBounds& bounds = {});

  // Writes the buffered lines and closes the file.
  ~PacketRecorder();
  PacketRecorder(const PacketRecorder&) = delete;
  PacketRecorder& operator=(const PacketRecorder&) = delete;

  // A sink for a new link to the probe at `location`. It must not outlive the recorder.
  std::unique_ptr<PacketSink> NewSink(const std::string& location);

 private:
  class Sink;

  PacketRecorder(FileDescriptor file, std::string name, Log& log, const RecorderBounds& bounds);

  // The beginning of a line, with the current time.
  std::string Time() const;
  // If lines were left out, adds a line that says how many.
  void TellLeftOut(const std::string& time) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Adds a line; `rest` is what follows the time.
  void Add(const std::string& rest);
  void Run();
  // Writes `lines` to the file. Returns false after an error.
  bool Write(const std::string& lines);

  const FileDescriptor file_;
  const std::string name_;
  Log& log_;
  const RecorderBounds bounds_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  uint64_t written_ = 0;  // bytes; used only by the thread

  Mutex mutex_;
  CondVar changed_;
  std::string waiting_ ABSL_GUARDED_BY(mutex_);
  uint64_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;  // lines, since the last one that was written
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace probegate
