// Is told what sessions do to a probe that concerns others.
#pragma once

#include "server/lane/session.h"

namespace probegate {

// Called on any thread, without a lock held; must not block.
class LaneObserver {
 public:
  virtual ~LaneObserver() = default;
  // As in LaneEvents (server/lane/lane.h).
  virtual void OnProbeReset(const SessionSnapshot& by) = 0;
  virtual void OnLockTaken(const SessionSnapshot& holder) = 0;
  virtual void OnLockBroken(const SessionSnapshot& holder, const SessionSnapshot& waiter) = 0;
};

}  // namespace probegate
