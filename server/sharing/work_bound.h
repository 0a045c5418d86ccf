// Until when the lane's thread may go on with what it does on the probe: while the sessions that it works for have not
// ended, and until a point in time.
//
// A probe asks this between two packets (Probe::SetInterrupt). What is allowed is set for a scope, and scopes nest:
//
//   const WorkBound::Scope scope(bound, {.session = &session});
//   probe.SwjSequence(...);   // given up once the session has ended
//
// Threads: the lane's; EndBy may be called from any, and SessionState::over may be set by any.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "absl/types/span.h"
#include "probe/interrupt.h"
#include "server/sharing/session_state.h"

namespace probegate {

// How long one turn of work may take before other sessions have theirs, beyond a packet that has begun. A raw sequence
// may take longer: it must not be interrupted by another session.
inline constexpr std::chrono::milliseconds kLongestTurn{500};
// How long giving back what one session has may take. A probe that answers this slowly keeps the rest.
inline constexpr std::chrono::milliseconds kLongestFarewell{2000};

class WorkBound final : public Interrupt {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Limits {
    const SessionState* session = nullptr;             // for whom the work is done
    absl::Span<const SessionState* const> sessions{};  // the same, if it is done for several
    TimePoint until = TimePoint::max();
  };

  // Applies `limits` instead of those that applied before, until it is destroyed. What `limits` refers to must live as
  // long.
  class Scope {
   public:
    Scope(WorkBound& bound, const Limits& limits) : bound_(bound), before_(std::exchange(bound.limits_, limits)) {}
    ~Scope() { bound_.limits_ = before_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    WorkBound& bound_;
    const Limits before_;
  };

  // No work goes on after `time`, whoever it is for: the lane is to end.
  void EndBy(TimePoint time) { end_by_ = time; }

  bool raised() const override {
    if (limits_.session != nullptr && limits_.session->over) return true;
    for (const SessionState* session : limits_.sessions) {
      if (session->over) return true;
    }
    const TimePoint until = std::min(limits_.until, end_by_.load());
    return until != TimePoint::max() && std::chrono::steady_clock::now() >= until;
  }

 private:
  Limits limits_;
  std::atomic<TimePoint> end_by_{TimePoint::max()};
};

}  // namespace probegate
