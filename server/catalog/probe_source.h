// A place where a probe may be, on the network or on USB: keeps trying to reach it, and hands it to the catalog when it
// is there.
//
// While it cannot be reached it is tried again with growing pauses, and one line is logged, not one a try. When the
// probe goes, its source starts over.
//
// Each source has a thread, which mostly sleeps: reaching a host that does not answer takes seconds, during which the
// others must not wait.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/endpoint.h"
#include "base/mutex.h"
#include "probe/probe.h"
#include "server/catalog/catalog.h"
#include "telemetry/log.h"

namespace probegate {

// How long to wait before the next try.
struct RetryPauses {
  std::chrono::milliseconds first{100};
  std::chrono::milliseconds longest{2'000};  // each is twice the one before, up to this
  // Of a probe that answers but is not to be served: asking it disturbs whoever else uses it.
  std::chrono::milliseconds unwanted{30'000};
};

class ProbeSource {
 public:
  // Connects to a probe and identifies it. Called on the source's thread; blocks for a bounded time, but for the
  // look-up of a host's name, whose bound is the system's resolver's (resolv.conf: some seconds a name server).
  using Opener = absl::AnyInvocable<absl::StatusOr<std::unique_ptr<Probe>>()>;

  // `location` is how the catalog names the place. `known`: who the probe is, as far as that is known before it has
  // been reached; where that is its unique id, a probe that is not to be served is never opened, and one that cannot be
  // opened is in the catalog, away, with the reason. `catalog` and `log` must outlive the source.
  ProbeSource(std::string location, Opener open, Catalog& catalog, Log& log, const RetryPauses& pauses,
              ProbeInfo known = {});

  // Waits for a try that is under way, as long as that takes (Opener). A probe in the catalog stays there.
  ~ProbeSource();
  ProbeSource(const ProbeSource&) = delete;
  ProbeSource& operator=(const ProbeSource&) = delete;

  // Makes the destructor's wait short: a program that has many tells them all before it destroys the first.
  void StopTrying();

 private:
  // Shared with the catalog, which may say that the probe is gone when the source is no more.
  struct State {
    Mutex mutex;
    CondVar changed;
    bool stopping ABSL_GUARDED_BY(mutex) = false;
    bool serving ABSL_GUARDED_BY(mutex) = false;  // a probe of this source is in the catalog
  };

  void Run();
  absl::Status Add(std::unique_ptr<Probe> probe);
  void ReportOnce(const absl::Status& problem, bool refused);
  bool Pause(std::chrono::milliseconds time);
  bool WaitUntilGone();

  const std::string location_;
  Opener open_;
  Catalog& catalog_;
  Log& log_;
  const RetryPauses pauses_;
  const ProbeInfo known_;
  std::string reported_;  // the problem that was logged last
  const std::shared_ptr<State> state_ = std::make_shared<State>();
  std::thread thread_;
};

}  // namespace probegate
