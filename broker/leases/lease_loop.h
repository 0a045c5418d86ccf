// The broker's thread: everything that happens to leases happens on it, and is stored by it.
//
// What has come in the meantime is done together and stored in one transaction, so the more there is to do, the less
// each of it costs: a disk that takes ten milliseconds for a transaction is no bound on grants per second. While the
// store fails, everything waits; the thread tries again until it works.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "broker/leases/lease_book.h"
#include "broker/store/lease_store.h"

namespace probegate::broker {

// Threads: any. Only Stop blocks.
class LeaseLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using Work = std::function<void(LeaseBook& book, Clock::time_point now)>;

  // Called on the loop's thread. Must not block.
  struct Callbacks {
    std::function<void(std::chrono::nanoseconds)> stored;  // a transaction, which took this long
    std::function<void(const absl::Status&)> failed;       // one that will be tried again; once for each
    std::function<void(const absl::Status&)> lost;         // the store is another program's now: this one must end
  };

  // `book` and `store` are the thread's until Stop. RESOURCE_EXHAUSTED if the system has no thread left.
  static absl::StatusOr<std::unique_ptr<LeaseLoop>> Start(LeaseBook& book, LeaseStore& store, Callbacks callbacks);
  ~LeaseLoop() { Stop(); }
  LeaseLoop(const LeaseLoop&) = delete;
  LeaseLoop& operator=(const LeaseLoop&) = delete;

  // Has the thread do `work`, in the order of the calls. After Stop, it is dropped.
  void Post(Work work);

  // OK, or UNAVAILABLE with the reason while the store fails.
  absl::Status ok() const;

  // Does what was posted, and ends the thread. If the store fails, what is not stored is dropped.
  void Stop();

 private:
  LeaseLoop(LeaseBook& book, LeaseStore& store, Callbacks callbacks)
      : book_(book), store_(store), callbacks_(std::move(callbacks)) {}

  void Run();
  std::vector<Work> Next();
  bool Commit(const std::vector<Change>& changes);
  void SetStatus(const absl::Status& status);

  LeaseBook& book_;
  LeaseStore& store_;
  const Callbacks callbacks_;
  Clock::time_point last_commit_{};  // or check; used by the thread

  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<Work> posted_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace probegate::broker
