// Follows one server's list of probes until it is stopped. While the server is unreachable, the link retries with
// growing pauses.
//
// Threads: everything runs on the strand passed to the constructor, including the calls to the handler. After the last
// reference to a link is gone, the handler is not called.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "gateway/fleet/upstream.h"
#include "gateway/net/net.h"

namespace probegate {

class ServerLink : public std::enable_shared_from_this<ServerLink> {
 public:
  // Its functions may stop and release the link.
  struct Handler {
    // A new list begins: a probe or the end of the list comes next.
    std::function<void()> on_begin;
    std::function<void(const v1::ProbeStatus& probe)> on_probe;
    std::function<void()> on_end_of_list;
    // The server cannot be reached, or the connection was lost. Called once for each attempt.
    std::function<void(WatchEnd end, const std::string& reason)> on_lost;
  };

  ServerLink(const Strand& strand, std::shared_ptr<Upstream> upstream, Handler handler);
  ServerLink(const ServerLink&) = delete;
  ServerLink& operator=(const ServerLink&) = delete;

  void Start() { Watch(); }
  // From now on, the handler is not called.
  void Stop();

  const std::shared_ptr<Upstream>& upstream() const { return upstream_; }

 private:
  using Clock = std::chrono::steady_clock;

  void Watch();
  void TakeEvent(const v1::WatchProbesResponse& event);
  void TakeEnd(WatchEnd end, const std::string& reason);

  const Strand strand_;
  const std::shared_ptr<Upstream> upstream_;
  const Handler handler_;
  std::unique_ptr<UpstreamWatch> watch_;
  uint64_t watch_number_ = 0;  // events of earlier watches are ignored
  bool begun_ = false;         // this watch's list has begun to arrive
  Clock::time_point since_;    // when it began
  Timer retry_;
  std::chrono::milliseconds pause_;
};

}  // namespace probegate
