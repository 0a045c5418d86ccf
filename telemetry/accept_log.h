// Logs and counts the connections that a program could not accept.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/accept_loop.h"
#include "base/mutex.h"
#include "telemetry/flood_gate.h"
#include "telemetry/log.h"

namespace probegate {

// At most one line per second for each listener and kind; each says how many connections it stands for.
//
// Threads: any.
class AcceptLog : public AcceptObserver {
 public:
  // `log` must outlive this.
  explicit AcceptLog(Log& log) : log_(log) {}

  void OnRefused(const std::string& listener, const Peer& peer, std::string_view why) override;
  void OnAcceptFailed(const std::string& listener, int error) override;
  // A connection was reset because it kept the program from serving others.
  void OnFlood(const std::string& listener, const Peer& peer);

 private:
  Log& log_;
  Mutex mutex_;
  std::map<std::string, FloodGate> refused_ ABSL_GUARDED_BY(mutex_);  // by listener
  std::map<std::string, FloodGate> failed_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, FloodGate> floods_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace probegate
