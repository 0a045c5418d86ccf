// Writes the packets of all probes to a file, a JSON object a line (docs/hardware.md says what is in it).
//
// Whoever uses a probe never waits for the file: lines wait in memory, up to a bound, and where the file does not keep
// up some are left out, which the file says. It grows up to a bound too.
//
// Threads: any. One of its own writes.
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
  // Makes the file anew, readable for its owner alone, also where it is there already: what is read from a target is in
  // it. A link is not followed. kInvalidArgument where it cannot be made. `log` must outlive the recorder.
  static absl::StatusOr<std::unique_ptr<PacketRecorder>> Open(const std::string& file, Log& log,
                                                              const RecorderBounds& bounds = {});

  // Writes what waits, and closes the file.
  ~PacketRecorder();
  PacketRecorder(const PacketRecorder&) = delete;
  PacketRecorder& operator=(const PacketRecorder&) = delete;

  // For a new link to the probe at `location`. It must not outlive the recorder.
  std::unique_ptr<PacketSink> NewSink(const std::string& location);

 private:
  class Sink;

  PacketRecorder(FileDescriptor file, std::string name, Log& log, const RecorderBounds& bounds);

  // The beginning of a line.
  std::string Time() const;
  // Adds a line where some were left out.
  void TellLeftOut(const std::string& time) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Adds a line: `rest` is what follows its time.
  void Add(const std::string& rest);
  void Run();
  // Whether `lines` are in the file.
  bool Write(const std::string& lines);

  const FileDescriptor file_;
  const std::string name_;
  Log& log_;
  const RecorderBounds bounds_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  uint64_t written_ = 0;  // bytes; the thread's own

  Mutex mutex_;
  CondVar changed_;
  std::string waiting_ ABSL_GUARDED_BY(mutex_);
  uint64_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;  // lines, since the last that was not
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace probegate
