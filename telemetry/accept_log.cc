#include "telemetry/accept_log.h"

#include <optional>

#include "base/socket.h"

namespace probegate {

void AcceptLog::OnRefused(const std::string& listener, const Peer& peer, std::string_view why) {
  MutexLock lock(mutex_);
  const auto count = refused_[listener].Admit(FloodGate::Clock::now());
  if (!count) return;
  log_.Warning("connection.refused",
               {{"listener", listener}, {"peer", peer.address}, {"reason", why}, {"connections", *count}});
}

void AcceptLog::OnAcceptFailed(const std::string& listener, int error) {
  MutexLock lock(mutex_);
  const auto count = failed_[listener].Admit(FloodGate::Clock::now());
  if (!count) return;
  log_.Error("accept.failed", {{"listener", listener}, {"reason", ErrorText(error)}, {"times", *count}});
}

void AcceptLog::OnFlood(const std::string& listener, const Peer& peer) {
  MutexLock lock(mutex_);
  const auto count = floods_[listener].Admit(FloodGate::Clock::now());
  if (!count) return;
  log_.Warning("connection.flooding", {{"listener", listener},
                                       {"peer", peer.address},
                                       {"reason", "it sent more than could be served, and kept other clients waiting"},
                                       {"connections", *count}});
}

}  // namespace probegate
