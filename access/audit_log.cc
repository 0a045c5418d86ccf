#include "access/audit_log.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "base/mutex.h"
#include "base/start_thread.h"

namespace probegate {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kTryAgainAfter{1};

}  // namespace

struct AuditLog::State {
  explicit State(std::unique_ptr<AuditSink> to) : sink(std::move(to)) {}

  void Run();
  void WaitForWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  bool WriteLine(const std::string& line);
  void GiveUp();
  void WriteLost();
  void ReopenIfAsked();
  bool WaitToTryAgain();
  absl::Status Health(steady_clock::time_point now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return queue.empty() && !busy && !reopen; }

  const std::unique_ptr<AuditSink> sink;  // the thread's own
  uint64_t untold = 0;                    // events that are missing, and have not been told: the thread's own

  mutable Mutex mutex;
  CondVar wake;
  CondVar finished;
  std::vector<std::string> queue ABSL_GUARDED_BY(mutex);
  size_t queued_bytes ABSL_GUARDED_BY(mutex) = 0;
  uint64_t overflow ABSL_GUARDED_BY(mutex) = 0;  // events that did not fit since the thread last took the queue
  uint64_t lost ABSL_GUARDED_BY(mutex) = 0;      // since the start
  bool busy ABSL_GUARDED_BY(mutex) = false;      // the thread writes what it has taken from the queue
  std::optional<steady_clock::time_point> line_since ABSL_GUARDED_BY(mutex);  // since when it writes the same line
  absl::Status write_status ABSL_GUARDED_BY(mutex);                           // of the last attempt
  absl::Status reopen_status ABSL_GUARDED_BY(mutex);
  bool reopen ABSL_GUARDED_BY(mutex) = false;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  bool done ABSL_GUARDED_BY(mutex) = false;
};

void AuditLog::State::Run() {
  for (;;) {
    std::vector<std::string> lines;
    {
      MutexLock lock(mutex);
      busy = false;
      if (IsIdle()) finished.NotifyAll();
      while (queue.empty() && overflow == 0 && !reopen && !stopping) WaitForWork();
      if (queue.empty() && overflow == 0 && stopping) break;
      busy = true;
      reopen = reopen || !reopen_status.ok();
      lines.swap(queue);
      queued_bytes = 0;
      untold += std::exchange(overflow, 0);
    }
    ReopenIfAsked();
    for (const std::string& line : lines) {
      if (!WriteLine(line)) GiveUp();
    }
    // They did not fit while these lines were waiting, so they belong after them.
    WriteLost();
  }
  MutexLock lock(mutex);
  done = true;
  finished.NotifyAll();
}

void AuditLog::State::WaitForWork() {
  if (reopen_status.ok()) {
    wake.Wait(mutex);
  } else if (!wake.WaitUntil(mutex, steady_clock::now() + kTryAgainAfter)) {
    reopen = true;
  }
}

void AuditLog::State::GiveUp() {
  ++untold;
  MutexLock lock(mutex);
  ++lost;
}

// Tries until it works. False if the program ends before.
bool AuditLog::State::WriteLine(const std::string& line) {
  {
    MutexLock lock(mutex);
    line_since = steady_clock::now();
  }
  bool written = false;
  do {
    const absl::Status status = sink->Write(line);
    written = status.ok();
    MutexLock lock(mutex);
    write_status = status;
  } while (!written && WaitToTryAgain());
  MutexLock lock(mutex);
  line_since.reset();
  return written;
}

void AuditLog::State::WriteLost() {
  if (untold == 0) return;
  const uint64_t count = untold;
  if (!WriteLine(AuditLine({.kind = AuditKind::kEventsLost, .time = absl::Now(), .lost = count}))) return;
  untold = 0;
}

void AuditLog::State::ReopenIfAsked() {
  {
    MutexLock lock(mutex);
    if (!std::exchange(reopen, false)) return;
  }
  absl::Status status = sink->Reopen();
  MutexLock lock(mutex);
  reopen_status = std::move(status);
}

// Waits before another attempt. False if there should be none, because the program ends.
bool AuditLog::State::WaitToTryAgain() {
  {
    MutexLock lock(mutex);
    const auto until = steady_clock::now() + kTryAgainAfter;
    while (!stopping && !reopen && wake.WaitUntil(mutex, until)) {
    }
    if (stopping) return false;
  }
  ReopenIfAsked();
  return true;
}

absl::Status AuditLog::State::Health(steady_clock::time_point now) const {
  const auto failed = [](const std::string& why) { return absl::UnavailableError("the audit log: " + why); };
  if (!write_status.ok()) return failed(std::string(write_status.message()));
  if (!reopen_status.ok()) return failed(std::string(reopen_status.message()));
  if (overflow > 0) return failed("its queue is full");
  if (line_since && now - *line_since >= kStuckAfter) {
    return failed("nothing could be written for " + std::to_string(kStuckAfter.count()) + " s");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(const std::string& where, const std::string& program) {
  if (where.empty()) return nullptr;
  auto sink = OpenAuditSink(where, program);
  if (!sink.ok()) return sink.status();
  return Start(*std::move(sink));
}

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Start(std::unique_ptr<AuditSink> sink) {
  auto state = std::make_shared<State>(std::move(sink));
  if (absl::Status started = StartDetached("the audit log", [state] { state->Run(); }); !started.ok()) return started;
  return std::unique_ptr<AuditLog>(new AuditLog(std::move(state)));
}

AuditLog::AuditLog(std::shared_ptr<State> state) : state_(std::move(state)) {}

AuditLog::~AuditLog() {
  const auto deadline = steady_clock::now() + kLastWait;
  MutexLock lock(state_->mutex);
  state_->stopping = true;
  state_->wake.NotifyAll();
  while (!state_->done && state_->finished.WaitUntil(state_->mutex, deadline)) {
  }
}

void AuditLog::Write(const AuditEvent& event) {
  std::string line = AuditLine(event);
  MutexLock lock(state_->mutex);
  if (state_->overflow > 0 || state_->queued_bytes + line.size() > kQueueBytes) {
    ++state_->overflow;
    ++state_->lost;
    return;
  }
  state_->queued_bytes += line.size();
  state_->queue.push_back(std::move(line));
  state_->wake.NotifyAll();
}

absl::Status AuditLog::ok() const {
  MutexLock lock(state_->mutex);
  return state_->Health(steady_clock::now());
}

void AuditLog::Reopen() {
  MutexLock lock(state_->mutex);
  state_->reopen = true;
  state_->wake.NotifyAll();
}

bool AuditLog::Flush() {
  const auto deadline = steady_clock::now() + kLastWait;
  MutexLock lock(state_->mutex);
  while (!state_->IsIdle() && state_->finished.WaitUntil(state_->mutex, deadline)) {
  }
  return state_->IsIdle();
}

uint64_t AuditLog::lost() const {
  MutexLock lock(state_->mutex);
  return state_->lost;
}

absl::Status CheckWritable(const AuditLog* audit) {
  if (audit == nullptr || audit->ok().ok()) return absl::OkStatus();
  return absl::UnavailableError(
      "the audit log cannot be written, and no session is opened until it can; the administrator finds the reason in "
      "/readyz");
}

}  // namespace probegate
