#include "telemetry/scope.h"

#include <utility>

namespace probegate {
namespace {

double Seconds(OperationScope::Clock::duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

// There is nothing to move but pointers and times: the private copy constructor does it.
// NOLINTNEXTLINE(performance-move-constructor-init)
OperationScope::OperationScope(OperationScope&& other) noexcept : OperationScope(other) { other.metrics_ = nullptr; }

OperationScope& OperationScope::operator=(OperationScope&& other) noexcept {
  if (this == &other) return *this;
  if (metrics_ != nullptr) Finish(outcome_, Clock::now());
  *this = other;
  other.metrics_ = nullptr;
  return *this;
}

OperationScope::~OperationScope() {
  if (metrics_ != nullptr) Finish(outcome_, Clock::now());
}

void OperationScope::Turn(bool working, Clock::time_point now) {
  (working_ ? worked_ : waited_) += now - since_;
  since_ = now;
  working_ = working;
}

void OperationScope::Finish(size_t outcome, Clock::time_point now) {
  const OperationMetrics* metrics = std::exchange(metrics_, nullptr);
  if (metrics == nullptr) return;
  Turn(false, now);
  if (metrics->wait != nullptr) metrics->wait->Observe(Seconds(waited_));
  if (metrics->work != nullptr) metrics->work->Observe(Seconds(worked_));
  // In this order, so that a reader of the failures before the totals never sees more failures than operations.
  metrics->outcomes[outcome].Add();
  if (outcome != 0 && metrics->failures != nullptr) metrics->failures->Add();
}

}  // namespace probegate
