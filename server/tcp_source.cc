#include "server/tcp_source.h"

#include <algorithm>
#include <utility>

#include "probe/error.h"

namespace probegate {
namespace {

// The catalog knows of the probe and does not want it, which will not change soon.
bool IsUnwanted(const absl::Status& problem) {
  return IsError(problem, ErrorKind::kBusy) || IsError(problem, ErrorKind::kUnsupported);
}

}  // namespace

TcpSource::TcpSource(std::string location, Opener open, Catalog& catalog, Log& log, const RetryPauses& pauses)
    : location_(std::move(location)),
      open_(std::move(open)),
      catalog_(catalog),
      log_(log),
      pauses_(pauses),
      thread_([this] { Run(); }) {}

TcpSource::~TcpSource() {
  StopTrying();
  thread_.join();
}

void TcpSource::StopTrying() {
  MutexLock lock(state_->mutex);
  state_->stopping = true;
  state_->changed.NotifyAll();
}

void TcpSource::Run() {
  std::chrono::milliseconds pause = pauses_.first;
  do {
    const absl::Status problem = Try();
    if (problem.ok()) {
      reported_.clear();
      pause = pauses_.first;
      if (!WaitUntilGone()) return;
    } else {
      ReportOnce(problem);
      if (IsUnwanted(problem)) pause = pauses_.unwanted;
    }
  } while (Pause(std::exchange(pause, std::min(2 * pause, pauses_.longest))));
}

absl::Status TcpSource::Try() {
  auto probe = open_();
  if (!probe.ok()) return probe.status();
  {
    MutexLock lock(state_->mutex);
    state_->serving = true;
  }
  const absl::Status added = catalog_.Add(*std::move(probe), location_, [state = state_](const absl::Status&) {
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

void TcpSource::ReportOnce(const absl::Status& problem) {
  const std::string why(problem.message());
  if (std::exchange(reported_, why) == why) return;
  log_.Warning(IsUnwanted(problem) ? "probe.refused" : "probe.unreachable", {{"location", location_}, {"reason", why}});
}

bool TcpSource::Pause(std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  MutexLock lock(state_->mutex);
  while (!state_->stopping && state_->changed.WaitUntil(state_->mutex, deadline)) {
  }
  return !state_->stopping;
}

bool TcpSource::WaitUntilGone() {
  MutexLock lock(state_->mutex);
  while (state_->serving && !state_->stopping) state_->changed.Wait(state_->mutex);
  return !state_->stopping;
}

}  // namespace probegate
