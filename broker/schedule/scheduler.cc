#include "broker/schedule/scheduler.h"

#include <algorithm>
#include <numeric>
#include <queue>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/schedule/matching.h"

namespace probegate::broker {
namespace {

constexpr size_t kMostValues = 10;  // of a label, in a message

// "1 is leased", "2 are leased".
std::string Are(uint32_t count, const std::string& what) {
  return absl::StrCat(count, count == 1 ? " is " : " are ", what);
}

}  // namespace

// --- The inventory

std::optional<uint32_t> Scheduler::Find(const std::string& uid) const {
  const auto found = by_uid_.find(uid);
  return found == by_uid_.end() ? std::nullopt : std::optional<uint32_t>(found->second);
}

void Scheduler::SetProbe(const ProbeNames& probe, bool present) {
  const auto [known, is_new] = by_uid_.emplace(probe.uid, static_cast<uint32_t>(probes_.size()));
  if (is_new) probes_.emplace_back();
  const uint32_t number = known->second;
  Probe& row = probes_[number];
  if (is_new || row.names.labels != probe.labels) {
    row.names = probe;
    RefitAll(number);
    Freed(number);
  }
  if (row.present == present) return;
  row.present = present;
  Freed(number);
}

void Scheduler::SetMaintenance(const std::string& uid, const std::string& reason) {
  const auto number = Find(uid);
  if (!number) return;
  probes_[*number].maintenance = reason;
  Freed(*number);
}

void Scheduler::Reconsider() {
  for (uint32_t number = 0; number < probes_.size(); ++number) {
    RefitAll(number);
    Freed(number);
  }
}

void Scheduler::Freed(uint32_t probe) {
  Probe& row = probes_[probe];
  if (row.free()) {
    freed_.insert(probe);
  } else if (Waiter* const waiter = std::exchange(row.kept_for, nullptr)) {
    std::erase(waiter->keeps, probe);
  }
}

// --- Shapes

void Scheduler::Refit(Shape& shape, uint32_t number) {
  const ProbeNames& probe = probes_[number].names;
  const bool usable = !settings_.may_use || settings_.may_use(shape.access, probe);
  bool any = false;
  for (size_t i = 0; i < shape.selectors.size(); ++i) {
    std::vector<uint32_t>& fits = shape.fits[i];
    const auto place = std::lower_bound(fits.begin(), fits.end(), number);
    const bool listed = place != fits.end() && *place == number;
    const bool is_fit = usable && shape.selectors[i].Fits(probe);
    if (is_fit && !listed) fits.insert(place, number);
    if (!is_fit && listed) fits.erase(place);
    any = any || is_fit;
  }
  if (shape.any.size() <= number) shape.any.resize(probes_.size());
  shape.any[number] = any;
}

void Scheduler::RefitAll(uint32_t probe) {
  for (const auto& [key, shape] : shapes_) {
    const bool fitted = shape->any.size() > probe && shape->any[probe];
    Refit(*shape, probe);
    const auto line = static_cast<uint32_t>(shape->line.size());
    if (fitted) probes_[probe].waiting -= line;
    if (shape->any[probe]) probes_[probe].waiting += line;
  }
}

std::unique_ptr<Scheduler::Shape> Scheduler::MakeShape(const Request& request) const {
  auto shape = std::make_unique<Shape>();
  shape->selectors = request.selectors;
  shape->access = request.access;
  shape->fits.resize(request.selectors.size());
  shape->any.resize(probes_.size());
  return shape;
}

// A waiter has joined the shape's line (1), or left it (-1).
void Scheduler::CountWaiting(const Shape& shape, int by) {
  for (uint32_t probe = 0; probe < shape.any.size(); ++probe) {
    if (shape.any[probe]) probes_[probe].waiting += static_cast<uint32_t>(by);
  }
}

absl::Status Scheduler::CheckEnough(const Shape& shape) const {
  std::vector<const std::vector<uint32_t>*> slots;
  for (size_t i = 0; i < shape.selectors.size(); ++i) {
    const Selector& selector = shape.selectors[i];
    const std::vector<uint32_t>& fits = shape.fits[i];
    slots.insert(slots.end(), selector.count, &fits);
    if (fits.empty()) {
      return absl::FailedPreconditionError(absl::StrCat("no probe that you may use has ", selector.Text(),
                                                        Values(shape, selector.labels.begin()->first)));
    }
    if (fits.size() < selector.count) {
      return absl::FailedPreconditionError(absl::StrCat("of the probes that you may use, ", fits.size(), " have ",
                                                        selector.Text(), ", and ", selector.count, " are wanted"));
    }
  }
  const auto chosen = Match(slots);
  const auto enough = static_cast<size_t>(std::count_if(chosen.begin(), chosen.end(), [](const auto& c) { return c; }));
  if (enough == chosen.size()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the selectors together want ", chosen.size(),
                                                    " different probes, and only ", enough,
                                                    " of those that you may use fit"));
}

// The values of the label that there are, for a message.
std::string Scheduler::Values(const Shape& shape, const std::string& label) const {
  std::set<std::string> values;
  for (const Probe& probe : probes_) {
    if (settings_.may_use && !settings_.may_use(shape.access, probe.names)) continue;
    const auto value = probe.names.labels.find(label);
    if (label == kUidKey) {
      values.insert(probe.names.uid);
    } else if (value != probe.names.labels.end()) {
      values.insert(value->second);
    }
  }
  if (values.empty()) return absl::StrCat("; none has the label `", label, "`");
  const bool more = values.size() > kMostValues;
  if (more) values.erase(std::next(values.begin(), kMostValues), values.end());
  return absl::StrCat("; the values of `", label, "` are ", absl::StrJoin(values, ", "), more ? ", and others" : "");
}

// --- Holders

uint32_t Scheduler::HolderNumber(const std::string& name) {
  const auto known = by_name_.find(name);
  if (known != by_name_.end()) return known->second;
  uint32_t number = static_cast<uint32_t>(holders_.size());
  if (unused_holders_.empty()) {
    holders_.emplace_back();
  } else {
    number = unused_holders_.back();
    unused_holders_.pop_back();
  }
  holders_[number].name = name;
  by_name_[name] = number;
  return number;
}

void Scheduler::ForgetHolder(uint32_t number) {
  Holder& holder = holders_[number];
  if (holder.running > 0 || !holder.waiting.empty()) return;
  by_name_.erase(holder.name);
  unused_holders_.push_back(number);
}

void Scheduler::SetRunning(uint32_t number, uint32_t running) {
  Holder& holder = holders_[number];
  holder.running = running;
  for (const auto& [shape, count] : holder.waiting) shape->line.SetRunning(number, running);
}

Rank Scheduler::RankOf(const Waiter& waiter) const {
  return {waiter.demotion(), holders_[waiter.holder].running, waiter.request.number};
}

// --- Requests

absl::Status Scheduler::Join(Request request) {
  std::string key = absl::StrCat(request.access.size(), ":", request.access, KeyOf(request.selectors));
  auto known = shapes_.find(key);
  if (known == shapes_.end()) {
    auto shape = MakeShape(request);
    for (uint32_t probe = 0; probe < probes_.size(); ++probe) Refit(*shape, probe);
    if (absl::Status missing = CheckEnough(*shape); !missing.ok()) return missing;
    shape->key = key;
    known = shapes_.emplace(std::move(key), std::move(shape)).first;
  } else if (absl::Status missing = CheckEnough(*known->second); !missing.ok()) {
    return missing;
  }
  Shape& shape = *known->second;
  const uint64_t number = request.number;
  const uint32_t holder = HolderNumber(request.holder);
  rises_.insert({request.since + settings_.rise, number});
  auto waiter = std::make_unique<Waiter>(Waiter{.request = std::move(request), .shape = &shape, .holder = holder});
  shape.line.Add(number, holder, waiter->demotion(), holders_[holder].running);
  CountWaiting(shape, 1);
  ++holders_[holder].waiting[&shape];
  waiters_[number] = std::move(waiter);
  fresh_.insert(&shape);
  return absl::OkStatus();
}

// Takes it out of the queue and destroys it.
void Scheduler::Remove(Waiter& waiter) {
  Shape& shape = *waiter.shape;
  const uint32_t holder = waiter.holder;
  StopKeeping(waiter);
  rises_.erase({waiter.request.since + (waiter.risen + 1) * settings_.rise, waiter.request.number});
  shape.line.Remove(waiter.request.number, holder, waiter.demotion());
  CountWaiting(shape, -1);
  if (--holders_[holder].waiting[&shape] == 0) holders_[holder].waiting.erase(&shape);
  waiters_.erase(waiter.request.number);
  ForgetHolder(holder);
  if (shape.line.size() == 0) {
    fresh_.erase(&shape);
    shapes_.erase(std::string(shape.key));
  }
}

void Scheduler::Leave(uint64_t number) {
  const auto waiter = waiters_.find(number);
  if (waiter == waiters_.end()) return;
  // The next one may keep probes, which single requests never do.
  if (!waiter->second->shape->single()) fresh_.insert(waiter->second->shape);
  Remove(*waiter->second);
}

void Scheduler::Occupy(uint64_t number, const std::string& holder, const std::vector<std::string>& uids) {
  Running& lease = running_[number];
  lease.holder = HolderNumber(holder);
  SetRunning(lease.holder, holders_[lease.holder].running + 1);
  for (const std::string& uid : uids) {
    const auto probe = Find(uid);
    if (!probe) continue;
    probes_[*probe].lease = number;
    Freed(*probe);
    lease.probes.push_back(*probe);
  }
}

void Scheduler::Finish(uint64_t number) {
  const auto lease = running_.find(number);
  if (lease == running_.end()) return;
  const uint32_t holder = lease->second.holder;
  for (const uint32_t probe : lease->second.probes) {
    probes_[probe].lease.reset();
    Freed(probe);
  }
  running_.erase(lease);
  SetRunning(holder, holders_[holder].running - 1);
  ForgetHolder(holder);
}

// --- Assignment

void Scheduler::StopKeeping(Waiter& waiter) {
  for (const uint32_t probe : std::exchange(waiter.keeps, {})) {
    probes_[probe].kept_for = nullptr;
    Freed(probe);
  }
}

void Scheduler::Rise(Time now) {
  while (!rises_.empty() && rises_.begin()->first <= now) {
    const auto [when, number] = *rises_.begin();
    rises_.erase(rises_.begin());
    Waiter& waiter = *waiters_.at(number);
    waiter.shape->line.Remove(number, waiter.holder, waiter.demotion());
    ++waiter.risen;
    waiter.shape->line.Add(number, waiter.holder, waiter.demotion(), holders_[waiter.holder].running);
    rises_.insert({when + settings_.rise, number});
    if (!waiter.shape->single()) fresh_.insert(waiter.shape);
  }
}

bool Scheduler::MayTake(const Waiter& waiter, const Rank& rank, const Probe& probe) const {
  if (!probe.free()) return false;
  return probe.kept_for == nullptr || probe.kept_for == &waiter || rank < RankOf(*probe.kept_for);
}

// The probes that the waiter may take, the best first: what it keeps already, then what the fewest wait for.
std::vector<uint32_t> Scheduler::Candidates(const Waiter& waiter, const Rank& rank,
                                            const std::vector<uint32_t>& fits) const {
  std::vector<uint32_t> candidates;
  for (const uint32_t probe : fits) {
    if (MayTake(waiter, rank, probes_[probe])) candidates.push_back(probe);
  }
  const auto order = [this, &waiter](uint32_t number) {
    const Probe& probe = probes_[number];
    return std::make_tuple(probe.kept_for != &waiter, probe.waiting, std::string_view(probe.names.uid));
  };
  const auto before = [&order](uint32_t a, uint32_t b) { return order(a) < order(b); };
  if (waiter.shape->single()) {
    const auto best = std::min_element(candidates.begin(), candidates.end(), before);
    if (best != candidates.end()) candidates = {*best};
  } else {
    std::sort(candidates.begin(), candidates.end(), before);
  }
  return candidates;
}

Scheduler::Choice Scheduler::Choose(const Waiter& waiter) const {
  const Shape& shape = *waiter.shape;
  const Rank rank = RankOf(waiter);
  std::vector<std::vector<uint32_t>> candidates;
  std::vector<const std::vector<uint32_t>*> slots;
  std::vector<uint32_t> selectors;  // of each slot
  candidates.reserve(shape.selectors.size());
  for (uint32_t i = 0; i < shape.selectors.size(); ++i) {
    candidates.push_back(Candidates(waiter, rank, shape.fits[i]));
    slots.insert(slots.end(), shape.selectors[i].count, &candidates.back());
    selectors.insert(selectors.end(), shape.selectors[i].count, i);
  }
  const auto chosen = Match(slots);
  Choice choice;
  for (size_t slot = 0; slot < chosen.size(); ++slot) {
    if (chosen[slot]) choice.picks.emplace_back(*chosen[slot], selectors[slot]);
  }
  choice.complete = choice.picks.size() == chosen.size();
  return choice;
}

// The waiter keeps these probes until it has all, if they are more than it keeps already.
void Scheduler::Keep(Waiter& waiter, const Choice& choice) {
  if (choice.picks.size() <= waiter.keeps.size()) return;
  StopKeeping(waiter);
  for (const auto& [probe, selector] : choice.picks) {
    if (Waiter* const other = probes_[probe].kept_for) std::erase(other->keeps, probe);
    probes_[probe].kept_for = &waiter;
    waiter.keeps.push_back(probe);
    freed_.erase(probe);
  }
}

Scheduler::Assignment Scheduler::Give(Waiter& waiter, const Choice& choice) {
  Assignment assignment{.number = waiter.request.number, .probes = {}};
  Running& lease = running_[waiter.request.number];
  lease.holder = waiter.holder;
  // It must not be forgotten in between.
  SetRunning(lease.holder, holders_[lease.holder].running + 1);
  for (const auto& [probe, selector] : choice.picks) {
    assignment.probes.push_back({.uid = probes_[probe].names.uid, .selector = selector});
    probes_[probe].lease = waiter.request.number;
    freed_.erase(probe);
    Freed(probe);
    lease.probes.push_back(probe);
  }
  Remove(waiter);
  return assignment;
}

// The lines that take part in a round, by the rank of the first in each.
class Scheduler::Contest {
 public:
  void Add(Shape& shape) { lines_.push({shape.line.first(), &shape}); }

  // The line whose first is before all others.
  Shape* Next() {
    while (!lines_.empty()) {
      const auto [rank, shape] = lines_.top();
      lines_.pop();
      if (shape->line.first() == rank) return shape;
      // In the meantime, a holder has got a probe, which has moved its other waiters back.
      Add(*shape);
    }
    return nullptr;
  }

 private:
  using Entry = std::pair<Rank, Shape*>;
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const { return b.first < a.first; }
  };
  std::priority_queue<Entry, std::vector<Entry>, Later> lines_;
};

void Scheduler::Round(std::vector<Assignment>& assignments) {
  const std::set<uint32_t> freed = std::exchange(freed_, {});
  const auto wants_freed = [this, &freed](const Shape& shape) {
    return std::any_of(freed.begin(), freed.end(), [this, &shape](uint32_t probe) {
      return shape.any.size() > probe && shape.any[probe] && probes_[probe].free();
    });
  };
  Contest contest;
  for (Shape* const shape : std::exchange(fresh_, {})) shape->fresh = true;
  for (const auto& [key, shape] : shapes_) {
    if (shape->fresh || wants_freed(*shape)) contest.Add(*shape);
  }
  while (Shape* const shape = contest.Next()) {
    if (!shape->fresh && !wants_freed(*shape)) continue;
    Waiter& waiter = *waiters_.at(shape->line.first().number);
    const Choice choice = Choose(waiter);
    if (!choice.complete) {
      shape->fresh = false;
      if (waiter.risen > 0 && !shape->single()) Keep(waiter, choice);
      continue;
    }
    const bool last = shape->line.size() == 1;
    assignments.push_back(Give(waiter, choice));
    if (!last) contest.Add(*shape);
  }
}

std::vector<Scheduler::Assignment> Scheduler::Assign(Time now) {
  Rise(now);
  std::vector<Assignment> assignments;
  while (!freed_.empty() || !fresh_.empty()) Round(assignments);
  return assignments;
}

// --- What there is

std::optional<Scheduler::Time> Scheduler::NextRise() const {
  return rises_.empty() ? std::nullopt : std::optional<Time>(rises_.begin()->first);
}

uint32_t Scheduler::WaitingFor(const std::string& uid) const {
  const auto probe = Find(uid);
  return probe ? probes_[*probe].waiting : 0;
}

// For each selector, how many probes fit, and what is in the way.
std::string Scheduler::WhyOf(const Shape& shape) const {
  std::vector<std::string> whys;
  for (size_t i = 0; i < shape.selectors.size(); ++i) {
    uint32_t leased = 0;
    uint32_t away = 0;
    uint32_t kept = 0;
    std::map<std::string, uint32_t> maintenance;
    for (const uint32_t number : shape.fits[i]) {
      const Probe& probe = probes_[number];
      if (!probe.maintenance.empty()) {
        ++maintenance[probe.maintenance];
      } else if (!probe.present) {
        ++away;
      } else if (probe.lease) {
        ++leased;
      } else if (probe.kept_for != nullptr) {
        ++kept;
      }
    }
    std::vector<std::string> parts;
    if (leased > 0) parts.push_back(Are(leased, "leased"));
    if (away > 0) parts.push_back(Are(away, "away"));
    if (kept > 0) parts.push_back(Are(kept, "kept for a request of several probes"));
    for (const auto& [reason, count] : maintenance) {
      parts.push_back(absl::StrCat(Are(count, "in maintenance"), " (", reason, ")"));
    }
    const std::string what = parts.empty() ? "all are free" : absl::StrJoin(parts, ", ");
    whys.push_back(absl::StrCat("of ", shape.fits[i].size(), shape.fits[i].size() == 1 ? " probe" : " probes", " with ",
                                shape.selectors[i].Text(), ", ", what));
  }
  return absl::StrJoin(whys, "; ");
}

Scheduler::Place Scheduler::PlaceOf(uint64_t number) const {
  const Waiter& waiter = *waiters_.at(number);
  return {.number = number,
          .position = waiter.shape->line.PositionOf(RankOf(waiter)),
          .why = std::make_shared<const std::string>(WhyOf(*waiter.shape))};
}

std::vector<Scheduler::Place> Scheduler::Places() const {
  std::vector<std::pair<Rank, Place>> ranked;
  ranked.reserve(waiters_.size());
  for (const auto& [key, shape] : shapes_) {
    const auto why = std::make_shared<const std::string>(WhyOf(*shape));
    uint32_t position = 0;
    for (const Rank& rank : shape->line.All()) ranked.push_back({rank, {rank.number, ++position, why}});
  }
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Place> places;
  places.reserve(ranked.size());
  for (auto& [rank, place] : ranked) places.push_back(std::move(place));
  return places;
}

}  // namespace probegate::broker
