// Failures to be made on purpose, each at a counted operation: what the control port arms, and what runs out by itself.
//
// The schedule only counts and answers; what a failure means is up to whom it tells. An unused schedule costs a
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
  // From the `at`-th operation from now (1 is the next) for `times` operations; 0 times is until Clear.
  void Arm(const Fault& fault, uint64_t at, uint64_t times) {
    const uint64_t first = operations_ + at;
    armed_.push_back({fault, first, times == 0 ? UINT64_MAX : first + times});
  }

  void Clear() { armed_.clear(); }

  // Counts one operation and says how it is to fail: of several that are due, the one armed first.
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
    uint64_t end;  // the first operation behind it
  };

  uint64_t operations_ = 0;
  std::vector<Armed> armed_;
};

}  // namespace probegate::sim
