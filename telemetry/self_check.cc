#include "telemetry/self_check.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/start_thread.h"

namespace probegate {
namespace {

int64_t Seconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

}  // namespace

SelfCheck::SelfCheck(std::vector<Check> checks, const Times& times)
    : checks_(std::move(checks)), times_(times), states_(checks_.size()) {
  const Clock::time_point now = Clock::now();
  for (State& state : states_) state.last_success = now;
}

absl::StatusOr<std::unique_ptr<SelfCheck>> SelfCheck::Start(std::vector<Check> checks, const Times& times) {
  std::unique_ptr<SelfCheck> check(new SelfCheck(std::move(checks), times));
  const absl::Status started = StartThread(check->thread_, "the health checks", [self = check.get()] { self->Run(); });
  if (!started.ok()) return started;
  return check;
}

SelfCheck::~SelfCheck() { Stop(); }

void SelfCheck::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  stopped_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void SelfCheck::Run() {
  for (;;) {
    for (size_t i = 0; i < checks_.size(); ++i) Make(i);
    const Clock::time_point next = Clock::now() + times_.pause;
    MutexLock lock(mutex_);
    while (!stopping_ && stopped_.WaitUntil(mutex_, next)) {
    }
    if (stopping_) return;
  }
}

void SelfCheck::Make(size_t number) {
  const Clock::time_point start = Clock::now();
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    states_[number].started = start;
    states_[number].running = true;
  }
  const absl::Status status = checks_[number].run(start + times_.patience);
  MutexLock lock(mutex_);
  State& state = states_[number];
  state.running = false;
  state.error = std::string(status.message());
  if (status.ok()) state.last_success = Clock::now();
}

std::string SelfCheck::Problem(size_t number, Clock::time_point now) const {
  const State& state = states_[number];
  if (state.running && now - state.started > 2 * times_.patience) {
    return absl::StrCat("no answer for ", Seconds(now - state.started), " s");
  }
  return state.error;
}

std::vector<std::string> SelfCheck::Failing() const {
  std::vector<std::string> lines;
  MutexLock lock(mutex_);
  for (size_t i = 0; i < checks_.size(); ++i) {
    const std::string problem = Problem(i, Clock::now());
    if (!problem.empty()) lines.push_back(absl::StrCat(checks_[i].what, ": ", problem));
  }
  return lines;
}

std::vector<std::string> SelfCheck::NotAlive() const {
  std::vector<std::string> lines;
  MutexLock lock(mutex_);
  const Clock::time_point now = Clock::now();
  for (size_t i = 0; i < checks_.size(); ++i) {
    const auto without = now - states_[i].last_success;
    if (without <= times_.alive) continue;
    const std::string problem = Problem(i, now);
    lines.push_back(absl::StrCat(checks_[i].what, ": not serving for ", Seconds(without), " s",
                                 problem.empty() ? "" : ": ", problem));
  }
  return lines;
}

}  // namespace probegate
