// Drivers report what happens on the wire, so that it can be counted, and what they assume about a probe, so that it
// can be logged. Drivers know nothing about metrics and logs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace probegate {

// Why a probe is gone, as far as its driver can tell.
enum class DisconnectCause : uint8_t {
  kLinkClosed,    // the other side closed the link
  kLinkError,     // the link failed: the network, or the system
  kNotAnswering,  // the link works, but the probe no longer accepts or answers anything
  kGarbled,       // packets cannot be told apart in what arrives, not even on a new link
};
// The causes' names in metrics, by number.
inline constexpr std::array<std::string_view, 4> kDisconnectCauses = {"link_closed", "link_error", "not_answering",
                                                                      "garbled"};

// Methods are called on the thread that uses the probe, and must not block.
class ProbeObserver {
 public:
  virtual ~ProbeObserver() = default;

  // One packet was sent and answered; `transfers` is how many register transfers it carried.
  virtual void OnPacket(size_t transfers, size_t bytes_out, size_t bytes_in) = 0;

  // The target answered something other than OK. OnWait: a WAIT that outlasted the probe's own retries.
  virtual void OnWait() = 0;
  virtual void OnFault() = 0;
  virtual void OnNoAck() = 0;

  // The driver tried to resynchronize with the probe after a packet was lost.
  virtual void OnRetry() = 0;

  // The probe lacks something, or does not say what it should, and the driver goes on without it or with a safe
  // assumption. `what` is one sentence without its full stop: what is missing and what is done instead. Called once for
  // each sentence, with the first observer that is set if the driver has found out before.
  virtual void OnAssumption(std::string_view what) = 0;

  // The probe is gone for good. Called once, before a method of Probe returns kProbeDisconnected for the first time.
  virtual void OnDisconnect(DisconnectCause cause) = 0;
};

// Counts nothing.
class NoObserver : public ProbeObserver {
 public:
  void OnPacket(size_t, size_t, size_t) override {}
  void OnWait() override {}
  void OnFault() override {}
  void OnNoAck() override {}
  void OnRetry() override {}
  void OnAssumption(std::string_view) override {}
  void OnDisconnect(DisconnectCause) override {}
};

}  // namespace probegate
