// What follows from the changes to the broker's state.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "broker/store/lease_store.h"

namespace probegate::broker {

// First the changes are stored, then the effects happen, in this order: nobody hears of what could still be lost.
struct Outbox {
  std::vector<Change> changes;
  std::vector<std::function<void()>> effects;

  void Put(RecordKind kind, const std::string& key, const std::string& record) {
    changes.push_back({.kind = kind, .key = key, .record = record});
  }
  void Erase(RecordKind kind, const std::string& key) { changes.push_back({.kind = kind, .key = key, .record = {}}); }
  void After(std::function<void()> effect) { effects.push_back(std::move(effect)); }
};

}  // namespace probegate::broker
