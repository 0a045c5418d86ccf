// Where drivers report what happens on the wire, so that someone can count it. Drivers know no metrics.
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
  kNotAnswering,  // the link is there, and the probe takes or answers nothing any more
  kGarbled,       // what arrives cannot be told apart any more
};
// Their names in metrics, by number.
inline constexpr std::array<std::string_view, 4> kDisconnectCauses = {"link_closed", "link_error", "not_answering",
                                                                      "garbled"};

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

  // The probe is gone, for ever. Called once, before the first method of Probe answers kProbeDisconnected.
  virtual void OnDisconnect(DisconnectCause cause) = 0;
};

// Counts nothing.
class NoObserver final : public ProbeObserver {
 public:
  void OnPacket(size_t, size_t, size_t) override {}
  void OnWait() override {}
  void OnFault() override {}
  void OnNoAck() override {}
  void OnRetry() override {}
  void OnDisconnect(DisconnectCause) override {}
};

}  // namespace probegate
