// One probe's SWO, shared: captured while any session subscribes, and every subscriber gets every byte.
//
// A subscriber that does not read keeps the last kSwoBufferBytes; what is older is dropped, and the next read says so.
// The first subscriber chooses the rate; another rate is refused while another session subscribes.
//
// Threads: one; in the server the lane's. Methods block for as long as the probe takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "probe/probe.h"
#include "server/sharing/session_state.h"
#include "telemetry/metrics.h"

namespace probegate {

// Ten seconds at 1 Mbaud.
inline constexpr size_t kSwoBufferBytes = 1024 * 1024;

// The counters for SWO; a null pointer means: do not count.
struct SwoCounters {
  const Counter* bytes = nullptr;      // that the probe captured
  const Counter* dropped = nullptr;    // bytes that a session did not read in time
  const Counter* overruns = nullptr;   // of the probe's buffer
  const Counter* garbled = nullptr;    // answers that report bits that did not form a byte
  const Counter* no_answer = nullptr;  // answers that were lost, and what was in them
};

// What a session gets by one read.
struct SwoTaken {
  std::string bytes;
  bool lost = false;
  bool garbled = false;
};

class SharedSwo {
 public:
  // `probe`, and what `counters` points to, must outlive this.
  SharedSwo(Probe& probe, const SwoCounters& counters) : probe_(probe), counters_(counters) {}

  // All three return kUnsupported if the probe has no SWO.

  // Subscribes `session` from now on; what it had not read is dropped. kBusy if another rate is in use.
  absl::Status Start(SessionState& session, uint32_t baud);
  // Ends the subscription, if there is one; with the last one the capture ends.
  absl::Status Stop(SessionState& session);
  // Takes what `session` has not read yet; empty without a subscription. If the subscription has ended, returns the
  // reason once everything before that has been read.
  absl::StatusOr<SwoTaken> Read(SessionState& session);

  // Whether there is anything to poll for.
  bool active() const { return !subscribers_.empty(); }
  // Takes what the probe has captured and gives it to all subscribers; a few packets at most. True if there is more.
  // Returns an error only if the probe is gone; other failures are reported to the subscribers.
  absl::StatusOr<bool> Poll();

 private:
  absl::Status CheckSupported() const;
  void Deliver(const SwoData& data);
  absl::Status Failed(const absl::Status& why);
  bool Remove(SessionState& session);
  std::string Users(const SessionState& but) const;

  Probe& probe_;
  const SwoCounters counters_;
  std::vector<SessionState*> subscribers_;
  uint32_t baud_ = 0;
  unsigned failures_ = 0;  // in a row
};

}  // namespace probegate
