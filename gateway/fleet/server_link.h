// Follows one server's list of probes for ever; while the server is out of reach it is tried again with growing pauses.
//
// Threads: all on the strand that it is given, its handler's calls too. A link that is let go is silent at once.
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
  // May let the link go.
  struct Handler {
    // The server begins its list anew, with a probe or with the list's end.
    std::function<void()> on_begin;
    std::function<void(const v1::ProbeStatus& probe)> on_probe;
    std::function<void()> on_end_of_list;
    // It cannot be reached, or no more. Once for each try.
    std::function<void(WatchEnd end, const std::string& reason)> on_lost;
  };

  ServerLink(const Strand& strand, std::shared_ptr<Upstream> upstream, Handler handler);
  ServerLink(const ServerLink&) = delete;
  ServerLink& operator=(const ServerLink&) = delete;

  void Start() { Watch(); }
  // Nothing is called any more.
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
  uint64_t watch_number_ = 0;  // news of earlier watches are ignored
  bool begun_ = false;         // the list, of this watch
  Clock::time_point since_;    // when it did
  Timer retry_;
  std::chrono::milliseconds pause_;
};

}  // namespace probegate
