// A place on the network or on USB where a probe may be. The source keeps trying to reach the probe, and hands it to
// the catalog once it is there.
//
// While the probe cannot be reached, the source tries again with growing pauses, and logs one line in all, not one per
// try. If the probe goes away later, the source starts over.
//
// Each source has a thread of its own, which mostly sleeps: trying to reach a host that does not answer takes seconds,
// and the other sources must not wait for it.
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
  std::chrono::milliseconds longest{2'000};  // each pause is twice the previous one, up to this
  // For a probe that answers but is not to be served: connecting to it disturbs its other users.
  std::chrono::milliseconds unwanted{30'000};
};

class ProbeSource {
 public:
  // Connects to a probe and identifies it. Called on the source's thread. Blocks for a bounded time; only the bound on
  // looking up a host's name is the system resolver's (resolv.conf: some seconds per name server).
  using Opener = absl::AnyInvocable<absl::StatusOr<std::unique_ptr<Probe>>()>;

  // `location` is the catalog's name for the place. `known` is what is known about the probe before it is reached. If
  // that includes its unique ID, a probe that is not to be served is never opened, and a probe that cannot be opened is
  // listed in the catalog as away, with the reason. A probe that is not to be served is noted there as unserved.
  // `catalog` and `log` must outlive the source.
  // RESOURCE_EXHAUSTED if the system has no thread left.
  static absl::StatusOr<std::unique_ptr<ProbeSource>> Start(std::string location, Opener open, Catalog& catalog,
                                                            Log& log, const RetryPauses& pauses, ProbeInfo known = {});

  // Waits for a try that is in progress, as long as that takes (see Opener). A probe in the catalog stays there.
  ~ProbeSource();
  ProbeSource(const ProbeSource&) = delete;
  ProbeSource& operator=(const ProbeSource&) = delete;

  // Makes the destructor's wait short. A program with many sources calls this on all of them before it destroys the
  // first.
  void StopTrying();

 private:
  ProbeSource(std::string location, Opener open, Catalog& catalog, Log& log, const RetryPauses& pauses,
              ProbeInfo known);

  // Shared with the catalog's callback, which may report a lost probe after the source has been destroyed.
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
  std::string reported_;  // the last problem that was logged
  const std::shared_ptr<State> state_ = std::make_shared<State>();
  std::thread thread_;
};

}  // namespace probegate
