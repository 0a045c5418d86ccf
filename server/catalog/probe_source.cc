#include "server/catalog/probe_source.h"

#include <algorithm>
#include <utility>

#include "base/start_thread.h"
#include "probe/error.h"

namespace probegate {

ProbeSource::ProbeSource(std::string location, Opener open, Catalog& catalog, Log& log, const RetryPauses& pauses,
                         ProbeInfo known)
    : location_(std::move(location)),
      open_(std::move(open)),
      catalog_(catalog),
      log_(log),
      pauses_(pauses),
      known_(std::move(known)) {}

absl::StatusOr<std::unique_ptr<ProbeSource>> ProbeSource::Start(std::string location, Opener open, Catalog& catalog,
                                                                Log& log, const RetryPauses& pauses, ProbeInfo known) {
  std::unique_ptr<ProbeSource> source(
      new ProbeSource(std::move(location), std::move(open), catalog, log, pauses, std::move(known)));
  const absl::Status started = StartThread(source->thread_, "the probe", [self = source.get()] { self->Run(); });
  if (!started.ok()) return started;
  return source;
}

ProbeSource::~ProbeSource() {
  StopTrying();
  if (thread_.joinable()) thread_.join();
}

void ProbeSource::StopTrying() {
  MutexLock lock(state_->mutex);
  state_->stopping = true;
  state_->changed.NotifyAll();
}

void ProbeSource::Run() {
  std::chrono::milliseconds pause = pauses_.first;
  do {
    absl::Status refused = known_.unique_id.empty() ? absl::OkStatus() : catalog_.Admits(known_.unique_id, location_);
    absl::Status unreachable;
    if (refused.ok()) {
      auto probe = open_();
      unreachable = probe.status();
      if (probe.ok()) refused = Add(*std::move(probe));
    }
    // kInternal means that no thread could be started. The probe was not refused, so it is tried again as if
    // unreachable.
    if (IsError(refused, ErrorKind::kInternal)) unreachable = std::exchange(refused, absl::OkStatus());
    if (!unreachable.ok()) {
      ReportOnce(unreachable, false);
    } else if (!refused.ok()) {
      ReportOnce(refused, true);
      pause = pauses_.unwanted;
    } else {
      reported_.clear();
      pause = pauses_.first;
      if (!WaitUntilGone()) return;
    }
  } while (Pause(std::exchange(pause, std::min(2 * pause, pauses_.longest))));
}

absl::Status ProbeSource::Add(std::unique_ptr<Probe> probe) {
  {
    MutexLock lock(state_->mutex);
    state_->serving = true;
  }
  const absl::Status added = catalog_.Add(std::move(probe), location_, [state = state_](const absl::Status&) {
    {
      MutexLock lock(state->mutex);
      state->serving = false;
    }
    state->changed.NotifyAll();
  });
  if (!added.ok()) {
    MutexLock lock(state_->mutex);
    state_->serving = false;
  }
  return added;
}

void ProbeSource::ReportOnce(const absl::Status& problem, bool refused) {
  const std::string why(problem.message());
  if (std::exchange(reported_, why) == why) return;
  log_.Warning(refused ? "probe.refused" : "probe.unreachable", {{"location", location_}, {"reason", why}});
  if (refused) {
    catalog_.unserved().Note({.location = location_,
                              .unique_id = known_.unique_id,
                              .vendor_name = known_.vendor_name,
                              .product_name = known_.product_name,
                              .usb_id = {},
                              .reason = why});
  } else if (!known_.unique_id.empty()) {
    catalog_.ReportAway(known_, location_, why);
  }
}

bool ProbeSource::Pause(std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  MutexLock lock(state_->mutex);
  while (!state_->stopping && state_->changed.WaitUntil(state_->mutex, deadline)) {
  }
  return !state_->stopping;
}

bool ProbeSource::WaitUntilGone() {
  MutexLock lock(state_->mutex);
  while (state_->serving && !state_->stopping) state_->changed.Wait(state_->mutex);
  return !state_->stopping;
}

}  // namespace probegate
