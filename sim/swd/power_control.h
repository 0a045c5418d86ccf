// The power-up handshake of CTRL/STAT (ADIv5.2 §B2.2.2): each request bit has an acknowledge bit above it.
//
// By default an acknowledge follows its request immediately. Quirks make it slow, or leave it out, as on chips that
// have to wake a regulator first or whose system domain has no such handshake. Threads: the chip's rule.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

namespace probegate::sim {

struct PowerQuirks {
  std::chrono::milliseconds delay{0};  // from a request to its acknowledge
  bool system = true;                  // whether CSYSPWRUPREQ is ever acknowledged
};

class PowerControl {
 public:
  using Time = std::chrono::nanoseconds;

  static constexpr uint32_t kDebugRequest = 1u << 28;
  static constexpr uint32_t kSystemRequest = 1u << 30;
  static constexpr uint32_t kRequests = kDebugRequest | kSystemRequest;

  // `now` returns the time that delays are measured in, counted from any fixed point.
  explicit PowerControl(std::function<Time()> now) : now_(std::move(now)) {}

  void set_quirks(const PowerQuirks& quirks) { quirks_ = quirks; }

  // CTRL/STAT has been written; other bits of `control` do not matter. A request that is withdrawn loses its
  // acknowledge at once.
  void Request(uint32_t control) {
    for (Domain& domain : domains_) {
      if ((control & domain.request) == 0) {
        domain.since.reset();
      } else if (!domain.since) {
        domain.since = now_();
      }
    }
  }

  // The acknowledge bits of CTRL/STAT, as they are now.
  uint32_t acknowledges() const {
    uint32_t bits = 0;
    for (const Domain& domain : domains_) {
      if (!domain.since || (domain.request == kSystemRequest && !quirks_.system)) continue;
      if (quirks_.delay.count() == 0 || now_() - *domain.since >= quirks_.delay) bits |= domain.request << 1;
    }
    return bits;
  }

 private:
  struct Domain {
    uint32_t request;
    std::optional<Time> since;  // when it was requested
  };

  std::function<Time()> now_;
  PowerQuirks quirks_;
  std::array<Domain, 2> domains_ = {{{kDebugRequest, {}}, {kSystemRequest, {}}}};
};

}  // namespace probegate::sim
