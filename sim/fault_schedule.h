// Faults to be injected, each at a given operation: the control port arms them, and each expires after a number of
// operations.
//
// The schedule only counts operations and says which fault is due; the caller injects it. An unused schedule costs a
// counter.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace probegate::sim {

template <typename Fault>
class FaultSchedule {
 public:
  // Arms `fault` for `times` operations, starting with the `at`-th from now (1 is the next). 0 times means until Clear.
  void Arm(const Fault& fault, uint64_t at, uint64_t times) {
    const uint64_t first = operations_ + at;
    armed_.push_back({fault, first, times == 0 ? UINT64_MAX : first + times});
  }

  void Clear() { armed_.clear(); }

  // Counts one operation and returns the fault to inject into it, if any: of several that are due, the one armed first.
  std::optional<Fault> Next() {
    ++operations_;
    if (armed_.empty()) return std::nullopt;
    std::erase_if(armed_, [this](const Armed& armed) { return armed.end <= operations_; });
    const auto due =
        std::find_if(armed_.begin(), armed_.end(), [this](const Armed& armed) { return armed.first <= operations_; });
    if (due == armed_.end()) return std::nullopt;
    return due->fault;
  }

  uint64_t operations() const { return operations_; }

 private:
  struct Armed {
    Fault fault;
    uint64_t first;
    uint64_t end;  // the first operation after it
  };

  uint64_t operations_ = 0;
  std::vector<Armed> armed_;
};

}  // namespace probegate::sim
