// Keeps connections that send faster than gRPC can read from taking all of gRPC's threads.
//
// gRPC has few threads for all connections (half as many as CPUs, at least two), and a thread that reads from a
// connection goes on for as long as there is more to read: valid messages, pings, settings, or calls that are cancelled
// at once. A few connections that always have more therefore stop all others, and the calls that were read pile up.
// While the program is busy, the guard makes a call in this process every few milliseconds (base/grpc/signs_of_life.h).
// If that takes too long, it pauses the connections that have not been read to the end, and all connections of a client
// with too many calls, until gRPC has served what waits: the system drops what arrives for them, which TCP repeats
// later. A connection that has been paused again and again is reset; that of a trusted gateway much later, because it
// may be busy for many honest clients.
//
// Threads: the guard has one of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "base/connection_watch.h"
#include "base/grpc/signs_of_life.h"
#include "base/mutex.h"
#include "base/peer.h"

namespace probegate {

// Called on the guard's thread; must not block.
struct FloodRules {
  // Which clients have too many calls (Peer::client).
  std::function<std::set<std::string>()> crowded;
  // Whether a connection is a trusted gateway's.
  std::function<bool(const Peer&)> trusted;
  // While the program has more resident memory, in bytes, connections are reset earlier.
  size_t memory;
  // A connection was reset.
  std::function<void(const Peer&)> on_reset;
};

class FloodGuard {
 public:
  // `watch` must outlive the guard. RESOURCE_EXHAUSTED if the system has no thread left.
  static absl::StatusOr<std::unique_ptr<FloodGuard>> Start(ConnectionWatch& watch, FloodRules rules);
  ~FloodGuard();
  FloodGuard(const FloodGuard&) = delete;
  FloodGuard& operator=(const FloodGuard&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  // A connection that was not read to the end, or is paused.
  struct Suspect {
    int behind = 0;   // examinations in a row in which it was not read to the end
    int strikes = 0;  // how often it was paused
    bool paused = false;
    Clock::time_point since;  // the pause's begin
    Clock::time_point until;  // if it is not paused: when its strikes are forgotten
    uint64_t seen = 0;        // the last examination in which the connection existed
  };

  FloodGuard(ConnectionWatch& watch, std::unique_ptr<SignsOfLife> signs, FloodRules rules);
  void Run();
  void Examine(bool late);

  ConnectionWatch& watch_;
  const std::unique_ptr<SignsOfLife> signs_;
  const FloodRules rules_;
  std::map<uint64_t, Suspect> suspects_;  // by the watch's number; used by the guard's thread only
  uint64_t examination_ = 0;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace probegate
