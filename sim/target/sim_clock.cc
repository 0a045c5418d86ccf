#include "sim/target/sim_clock.h"

namespace probegate::sim {

void SimClock::Insert(Alarm& alarm) {
  alarm.order_ = settings_++;
  entries_.insert({{alarm.due_, alarm.order_}, &alarm});
  UpdateNext();
}

void SimClock::Remove(Alarm& alarm) {
  entries_.erase({{alarm.due_, alarm.order_}, &alarm});
  UpdateNext();
}

void SimClock::RunDue() {
  while (due()) {
    Alarm& alarm = *entries_.begin()->second;
    alarm.last_due_ = alarm.due_;
    alarm.Clear();
    alarm.function_();
  }
}

void SimClock::AdvanceTo(uint64_t cycle) {
  while (next_due_ <= cycle) {
    if (next_due_ > now_) now_ = next_due_;
    RunDue();
  }
  if (cycle > now_) now_ = cycle;
}

void Alarm::SetAt(uint64_t cycle) {
  Clear();
  due_ = cycle;
  if (is_set()) clock_.Insert(*this);
}

void Alarm::Clear() {
  if (is_set()) clock_.Remove(*this);
  due_ = SimClock::kNever;
}

}  // namespace probegate::sim
