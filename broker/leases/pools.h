// Names for kinds of probes, for metrics: a label may only have values from a set that the program bounds.
#pragma once

#include <string>
#include <vector>

#include "access/rule.h"
#include "broker/schedule/selector.h"

namespace probegate::broker {

struct Pool {
  std::string name;
  Selector selector;
};

class Pools {
 public:
  // The pool of a probe that none of `pools` fits.
  static constexpr char kOther[] = "other";

  Pools() = default;
  explicit Pools(std::vector<Pool> pools) : pools_(std::move(pools)) {}

  // The name of the first pool that fits.
  std::string NameOf(const ProbeNames& probe) const {
    for (const Pool& pool : pools_) {
      if (pool.selector.Fits(probe)) return pool.name;
    }
    return kOther;
  }

  // All, and kOther.
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const Pool& pool : pools_) names.push_back(pool.name);
    names.emplace_back(kOther);
    return names;
  }

 private:
  std::vector<Pool> pools_;
};

}  // namespace probegate::broker
