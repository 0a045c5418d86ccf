#include "gateway/fleet/server_link.h"

#include <algorithm>
#include <utility>

#include "asio/post.hpp"

namespace probegate {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{250};
constexpr milliseconds kLongestPause{5'000};

}  // namespace

ServerLink::ServerLink(const Strand& strand, std::shared_ptr<Upstream> upstream, Handler handler)
    : strand_(strand),
      upstream_(std::move(upstream)),
      handler_(std::move(handler)),
      retry_(strand),
      pause_(kFirstPause) {}

void ServerLink::Stop() {
  ++watch_number_;
  watch_.reset();
  retry_.cancel();
}

void ServerLink::Watch() {
  const uint64_t number = ++watch_number_;
  begun_ = false;
  // Upstream's threads may still call after the link is destroyed. They hold a copy of the strand, which stays valid.
  watch_ = upstream_->WatchProbes({
      .on_event =
          [weak = weak_from_this(), strand = strand_, number](v1::WatchProbesResponse event) {
            asio::post(strand, [weak, number, event = std::move(event)] {
              const auto self = weak.lock();
              if (self && number == self->watch_number_) self->TakeEvent(event);
            });
          },
      .on_end =
          [weak = weak_from_this(), strand = strand_, number](WatchEnd end, std::string reason) {
            asio::post(strand, [weak, number, end, reason = std::move(reason)] {
              const auto self = weak.lock();
              if (self && number == self->watch_number_) self->TakeEnd(end, reason);
            });
          },
  });
}

void ServerLink::TakeEvent(const v1::WatchProbesResponse& event) {
  const uint64_t number = watch_number_;
  if (!std::exchange(begun_, true)) {
    since_ = Clock::now();
    handler_.on_begin();
  }
  if (number != watch_number_) return;
  if (event.has_changed()) {
    handler_.on_probe(event.changed());
  } else {
    handler_.on_end_of_list();
  }
}

void ServerLink::TakeEnd(WatchEnd end, const std::string& reason) {
  watch_.reset();
  // A server that keeps coming and going is retried less and less often; one that was connected for a while, soon.
  if (begun_ && Clock::now() - since_ > kLongestPause) pause_ = kFirstPause;
  retry_.expires_after(pause_);
  pause_ = std::min(pause_ * 2, kLongestPause);
  retry_.async_wait([weak = weak_from_this(), number = watch_number_](asio::error_code error) {
    const auto self = weak.lock();
    if (!error && self && number == self->watch_number_) self->Watch();
  });
  handler_.on_lost(end, reason);
}

}  // namespace probegate
