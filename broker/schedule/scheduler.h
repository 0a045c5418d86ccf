// Decides who gets which probe (docs/leases.md).
//
// A request names selectors, and gets a probe for each at the same time, or none. The order of requests is that of
// Rank. A request that has waited for so long that it has risen, and that needs several probes, keeps those that are
// free, so that requests for single probes, which come and go, do not take one of them at a time for ever. A request
// before it in the order may take what it keeps.
//
// Between two calls of Assign there is no waiter that could have its probes. So each change concerns only those waiters
// whose selectors fit what has become free, and those that are new; their order is looked at, and no others'.
//
// Waiters with the same selectors and the same access form a line (WaitingLine), because if the first of them cannot
// have its probes, none of them can.
//
// Threads: one at a time. It has no clock of its own and does no I/O: the same calls give the same results.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "access/rule.h"
#include "broker/schedule/selector.h"
#include "broker/schedule/waiting_line.h"

namespace probegate::broker {

class Scheduler {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Settings {
    // A waiter rises one class each time that it has waited for this long.
    std::chrono::milliseconds rise = std::chrono::minutes(15);
    // Whether requests with this `access` may have the probe. Empty: they may have any.
    std::function<bool(const std::string& access, const ProbeNames& probe)> may_use;
  };

  struct Request {
    uint64_t number = 0;    // its name here; a later request has a larger one
    std::string holder;     // by which running leases are counted
    std::string access;     // for Settings::may_use
    uint32_t priority = 0;  // its class at first
    Time since;             // when it came
    std::vector<Selector> selectors;
  };

  struct Pick {
    std::string uid;
    uint32_t selector = 0;  // for which it was chosen
    bool operator==(const Pick&) const = default;
  };
  struct Assignment {
    uint64_t number = 0;
    std::vector<Pick> probes;  // in the order of the selectors
  };

  // A waiter's place among those with the same selectors and access, from 1, and why it waits.
  struct Place {
    uint64_t number = 0;
    uint32_t position = 0;
    std::shared_ptr<const std::string> why;
  };

  explicit Scheduler(Settings settings) : settings_(std::move(settings)) {}

  // --- The inventory. Probes are known for ever.

  // A probe is there or not, with these labels.
  void SetProbe(const ProbeNames& probe, bool present);
  // Why it is out of service; empty: it is in service. Does nothing if the probe is not known.
  void SetMaintenance(const std::string& uid, const std::string& reason);
  // Asks Settings::may_use again.
  void Reconsider();

  // --- Requests

  // Puts the request into the queue. FAILED_PRECONDITION, with what is missing, if there would not be enough probes
  // that fit if all known ones were free.
  absl::Status Join(Request request);
  // Takes a request out of the queue, if it is there.
  void Leave(uint64_t number);
  // A lease of these probes exists already: one that was assigned before a restart. Unknown probes are left out.
  void Occupy(uint64_t number, const std::string& holder, const std::vector<std::string>& uids);
  // The lease has ended: its probes are free.
  void Finish(uint64_t number);

  // Who gets what now. These requests are not in the queue any more; they have the probes until Finish.
  std::vector<Assignment> Assign(Time now);

  // --- What there is

  // When Assign should be called next, if nothing else changes.
  std::optional<Time> NextRise() const;
  size_t waiting() const { return waiters_.size(); }
  // How many waiters the probe fits.
  uint32_t WaitingFor(const std::string& uid) const;
  // Of a request that is in the queue.
  Place PlaceOf(uint64_t number) const;
  // All waiters, in the order in which they are considered.
  std::vector<Place> Places() const;

 private:
  struct Waiter;

  struct Probe {
    ProbeNames names;
    bool present = false;
    std::string maintenance;
    std::optional<uint64_t> lease;
    Waiter* kept_for = nullptr;
    uint32_t waiting = 0;

    bool free() const { return present && maintenance.empty() && !lease; }
  };

  // Those who want the same.
  struct Shape {
    std::string key;
    std::vector<Selector> selectors;
    std::string access;
    std::vector<std::vector<uint32_t>> fits;  // for each selector, the probes that fit
    std::vector<bool> any;                    // for each probe, whether it fits one of them
    WaitingLine line;
    bool fresh = false;  // its first waiter has not been looked at since something changed

    bool single() const { return selectors.size() == 1 && selectors.front().count == 1; }
  };

  struct Holder {
    std::string name;
    uint32_t running = 0;
    std::map<Shape*, uint32_t> waiting;
  };

  struct Waiter {
    Request request;
    Shape* shape = nullptr;
    uint32_t holder = 0;
    int64_t risen = 0;  // how often
    std::vector<uint32_t> keeps;

    int64_t demotion() const { return -(static_cast<int64_t>(request.priority) + risen); }
  };

  struct Running {
    uint32_t holder = 0;
    std::vector<uint32_t> probes;
  };

  // A waiter's probes, by selector; not all of them, if they cannot all be had.
  struct Choice {
    std::vector<std::pair<uint32_t, uint32_t>> picks;  // probe, selector
    bool complete = false;
  };

  class Contest;

  std::optional<uint32_t> Find(const std::string& uid) const;
  uint32_t HolderNumber(const std::string& name);
  void ForgetHolder(uint32_t number);
  void SetRunning(uint32_t holder, uint32_t running);
  Rank RankOf(const Waiter& waiter) const;
  std::unique_ptr<Shape> MakeShape(const Request& request) const;
  void Refit(Shape& shape, uint32_t probe);
  void RefitAll(uint32_t probe);
  absl::Status CheckEnough(const Shape& shape) const;
  std::string Values(const Shape& shape, const std::string& label) const;
  void Remove(Waiter& waiter);
  void CountWaiting(const Shape& shape, int by);
  void Freed(uint32_t probe);
  void StopKeeping(Waiter& waiter);
  void Rise(Time now);
  bool MayTake(const Waiter& waiter, const Rank& rank, const Probe& probe) const;
  Choice Choose(const Waiter& waiter) const;
  std::vector<uint32_t> Candidates(const Waiter& waiter, const Rank& rank, const std::vector<uint32_t>& fits) const;
  void Keep(Waiter& waiter, const Choice& choice);
  Assignment Give(Waiter& waiter, const Choice& choice);
  void Round(std::vector<Assignment>& assignments);
  std::string WhyOf(const Shape& shape) const;

  const Settings settings_;
  std::vector<Probe> probes_;
  std::map<std::string, uint32_t> by_uid_;
  std::vector<Holder> holders_;
  std::map<std::string, uint32_t> by_name_;
  std::vector<uint32_t> unused_holders_;
  std::map<std::string, std::unique_ptr<Shape>> shapes_;  // by key; those with waiters
  std::map<uint64_t, std::unique_ptr<Waiter>> waiters_;   // by number
  std::map<uint64_t, Running> running_;                   // by number
  std::set<std::pair<Time, uint64_t>> rises_;             // when each waiter rises next
  std::set<uint32_t> freed_;                              // probes that nobody has been offered
  std::set<Shape*> fresh_;
};

}  // namespace probegate::broker
