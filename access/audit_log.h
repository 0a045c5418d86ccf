// Writes a program's audit log (docs/audit.md), on a thread of its own.
//
// An audit log must be complete. But a program that waits for a disk or a pipe serves nobody, so events wait in a queue
// of bounded size. While they cannot be written, ok() says why, and the program must open no new sessions: what is not
// recorded must not happen. Sessions that are open go on. Their events wait until the queue is full; further ones are
// counted, and the log says how many are missing, in their place, as soon as it can be written again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "access/audit_event.h"
#include "access/audit_sink.h"

namespace probegate {

// Threads: any. Only Flush and the destructor block.
class AuditLog {
 public:
  // Writes to what `--audit` of the program of this name says; null if that is empty. Errors: as OpenAuditSink and
  // Start.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Open(const std::string& where, const std::string& program);

  // Writes to `sink`. RESOURCE_EXHAUSTED if the system has no thread left.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Start(std::unique_ptr<AuditSink> sink);

  // Waits until everything is written, but no longer than kLastWait.
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // Events are written in the order of these calls.
  void Write(const AuditEvent& event);

  // OK, or UNAVAILABLE, with the reason, while events cannot be written: the last attempt failed, the file could not be
  // opened again, the queue is full, or one line has been waiting for kStuckAfter. The log tries again every second.
  // The reason may name a path, so it is for readiness and logs, not for clients.
  absl::Status ok() const;

  // Opens the file again, for SIGHUP after a rotation. Returns at once; ok() says if that fails.
  void Reopen();

  // Waits until all events so far are written, but no longer than kLastWait. False if they are not.
  bool Flush();

  // How many events are missing in the log.
  uint64_t lost() const;

  static constexpr size_t kQueueBytes = size_t{4} << 20;  // of lines that wait to be written
  static constexpr std::chrono::seconds kStuckAfter{5};
  static constexpr std::chrono::seconds kLastWait{2};

 private:
  struct State;
  explicit AuditLog(std::shared_ptr<State> state);

  // Shared with the thread, which may hang in a write for ever.
  const std::shared_ptr<State> state_;
};

// UNAVAILABLE, with a message for clients, while `audit` cannot be written: then no session may begin. OK if it is
// null.
absl::Status CheckWritable(const AuditLog* audit);

}  // namespace probegate
