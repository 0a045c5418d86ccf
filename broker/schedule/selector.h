// Which probes a request is about: labels with patterns, and how many such probes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "access/rule.h"
#include "base/labels.h"

namespace probegate::broker {

struct Selector {
  // Patterns (access/glob.h), by label; kUidKey stands for the unique ID. A probe must have all of these labels. Case
  // does not matter in values.
  Labels labels;
  uint32_t count = 1;

  bool Fits(const ProbeNames& probe) const;
  // "board=nrf52840dk, shield=radio"
  std::string Text() const { return ToText(labels); }
  bool operator==(const Selector&) const = default;
};

// How many probes they need in all.
uint32_t CountOf(const std::vector<Selector>& selectors);

// The same text for the same selectors in the same order, and a different one for others.
std::string KeyOf(const std::vector<Selector>& selectors);

}  // namespace probegate::broker
