// Where drivers report what happens on the wire, so that someone can count it. Drivers know no metrics.
#pragma once

#include <cstddef>

namespace probegate {

// Methods are called on the thread that uses the probe, and must not block.
class ProbeObserver {
 public:
  virtual ~ProbeObserver() = default;

  // One packet was sent and answered; `transfers` is how many register transfers it carried.
  virtual void OnPacket(size_t transfers, size_t bytes_out, size_t bytes_in) = 0;

  // What the target answered other than OK. OnWait counts those that outlasted the probe's own retries.
  virtual void OnWait() = 0;
  virtual void OnFault() = 0;
  virtual void OnNoAck() = 0;

  // The driver tried something again: a packet that was lost, a link that was resynchronised.
  virtual void OnRetry() = 0;
};

}  // namespace probegate
