// Keeps connections that send faster than gRPC can read from taking all of gRPC's threads.
//
// gRPC has few threads for all connections (half as many as CPUs, at least two), and a thread that reads from a
// connection goes on for as long as there is more to read: valid messages, pings, settings, or calls that are cancelled
// at once. A few connections that always have more therefore stop all others. While any connection has not been read to
// the end, the guard makes a call in this process (base/grpc/signs_of_life.h). If it takes too long, the guard pauses
// the connections that have not been read to the end for a while: the system drops what arrives for them, which TCP
// repeats later. A connection that has been paused again and again is reset; that of a trusted gateway much later,
// because it may be busy for many honest clients.
//
// Threads: the guard has one of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "base/connection_watch.h"
#include "base/grpc/signs_of_life.h"
#include "base/mutex.h"
#include "base/peer.h"

namespace probegate {

class FloodGuard {
 public:
  // Called on the guard's thread when a connection is reset.
  using OnReset = std::function<void(const Peer&)>;
  // Whether a connection is a trusted gateway's. Called on the guard's thread.
  using Trusted = std::function<bool(const Peer&)>;

  // `watch` must outlive the guard. RESOURCE_EXHAUSTED if the system has no thread left.
  static absl::StatusOr<std::unique_ptr<FloodGuard>> Start(ConnectionWatch& watch, Trusted trusted, OnReset on_reset);
  ~FloodGuard();
  FloodGuard(const FloodGuard&) = delete;
  FloodGuard& operator=(const FloodGuard&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  // A connection that was not read to the end, or is paused.
  struct Suspect {
    int behind = 0;   // examinations in a row in which it was not read to the end
    int strikes = 0;  // how often it was paused, or twice as much
    bool paused = false;
    Clock::time_point until;  // the end of the pause; later, when its strikes are forgotten
    uint64_t seen = 0;        // the last examination in which the connection existed
  };

  FloodGuard(ConnectionWatch& watch, std::unique_ptr<SignsOfLife> signs, Trusted trusted, OnReset on_reset);
  void Run();
  void Examine(int strike);

  ConnectionWatch& watch_;
  const std::unique_ptr<SignsOfLife> signs_;
  const Trusted trusted_;
  const OnReset on_reset_;
  std::map<uint64_t, Suspect> suspects_;  // by the watch's number; used by the guard's thread only
  uint64_t examination_ = 0;
  size_t calm_bytes_ = 0;  // resident memory when no connection was behind, or when it was last found to have grown

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace probegate
