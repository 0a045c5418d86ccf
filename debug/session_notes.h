// What other threads have to tell a session's thread: input for gdb, an interrupt, that the client has read something,
// that the session must end. They leave notes, which do not block; the session's thread polls fd() and takes them.
//
// Input stays here until gdb takes what it was given before. If more than the limit is waiting, the session is told to
// end. What waits here is taken from a quota.
//
// Threads: ReadWakeUps, Take and WaitForEndTaken are for the session's thread; the other functions are for any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/file_descriptor.h"
#include "base/mutex.h"
#include "base/quota.h"
#include "debug/plan.h"
#include "debug/session_end.h"

namespace probegate {

class SessionNotes {
 public:
  using Clock = std::chrono::steady_clock;

  // `memory` must outlive this object; `client` is Caller::key.
  SessionNotes(size_t max_input_bytes, Quota& memory, std::string client);
  SessionNotes(const SessionNotes&) = delete;
  SessionNotes& operator=(const SessionNotes&) = delete;

  void AddInput(std::string bytes);
  void Interrupt();
  void CheckAccess();
  void ProbesListed(const ProbesAnswer& probes);
  void HalfClose();
  void OutputTaken();
  void EndTaken();
  // The first end counts.
  void End(DebugEnd end);

  // False if the system had no file descriptor for fd().
  bool ok() const { return wake_.ok(); }
  // To be polled for POLLIN: readable from a new note until the next ReadWakeUps.
  int fd() const { return wake_.number(); }
  // To be called before Take: a note that comes in between then makes fd() readable again.
  void ReadWakeUps();

  struct Taken {
    std::string input;
    Quota::Grant input_grant;            // for `input`
    std::optional<ProbesAnswer> probes;  // since the last Take
    bool more_input = false;             // some is still waiting here
    bool half_closed = false;            // stays set; all input that will ever come has come
    bool interrupt = false;              // since the last Take
    bool check_access = false;           // since the last Take
    bool output_taken = false;           // since the last Take
    std::optional<DebugEnd> end;
  };
  // Leaves the input here, where it counts towards the limit, unless `with_input`.
  Taken Take(bool with_input);

  // Blocks until EndTaken was called; false if that has not happened by `until`.
  bool WaitForEndTaken(Clock::time_point until);

 private:
  void Wake();

  const size_t max_input_bytes_;
  Quota& memory_;
  const std::string client_;
  const FileDescriptor wake_;  // an eventfd
  Mutex mutex_;
  std::string input_ ABSL_GUARDED_BY(mutex_);
  Quota::Grant input_grant_ ABSL_GUARDED_BY(mutex_);  // of the size of input_
  std::optional<ProbesAnswer> probes_ ABSL_GUARDED_BY(mutex_);
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool interrupt_ ABSL_GUARDED_BY(mutex_) = false;
  bool check_access_ ABSL_GUARDED_BY(mutex_) = false;
  bool output_taken_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<DebugEnd> end_ ABSL_GUARDED_BY(mutex_);
  bool end_taken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace probegate
