// Requests to a CMSIS-DAP device and the replies to them: which reply belongs to which, and what to do when one does
// not come or is another's.
//
// A reply carries nothing but its command's number, so after one was lost the next could be taken for it. Whenever that
// may be, the channel finds its place again: it discards what arrives until the device has answered a question whose
// answer cannot be mistaken. What was under way then fails with kProbeError and is not repeated, since it may have been
// done. A device that does not answer that question either is gone: kProbeDisconnected, from then on for ever.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/cmsis_dap/transport.h"
#include "probe/observer.h"

namespace probegate::cmsis_dap {

class Channel {
 public:
  // A question and the reply that it got, without what may be behind that in its packet.
  struct Marker {
    InfoId id;
    std::vector<uint8_t> reply;
  };

  // A reply is waited for `reply_timeout` and what its command itself takes.
  Channel(std::unique_ptr<Transport> transport, std::chrono::milliseconds reply_timeout);

  size_t max_packet_size() const { return transport_->max_packet_size(); }
  bool pads_replies() const { return transport_->pads_replies(); }
  absl::Status CheckPresent();

  // As Probe::SetObserver.
  void SetObserver(ProbeObserver* observer) { observer_ = observer != nullptr ? observer : &nobody_; }
  ProbeObserver& observer() const { return *observer_; }

  // What to ask when the place was lost, in the order to try; no reply may begin with
  // another's. Each time but the first the transport restores the link before. Until there are any a lost reply
  // is the end of the channel.
  void SetMarkers(std::vector<Marker> markers) { markers_ = std::move(markers); }

  // Sends a request. `transfers` is for the observer.
  absl::Status Send(absl::Span<const uint8_t> request, size_t transfers);

  // The reply to the oldest request that has none, which begins with its command. It is good until the next call.
  // `busy`: how long the device may need beyond what a short command takes.
  absl::StatusOr<absl::Span<const uint8_t>> Receive(std::chrono::microseconds busy);

  // Both.
  absl::StatusOr<absl::Span<const uint8_t>> Exchange(absl::Span<const uint8_t> request, size_t transfers,
                                                     std::chrono::microseconds busy);

  // A command, its reply's status byte looked at: kProbeError where the device says no.
  template <typename CommandValue>
  absl::Status Order(const CommandValue& command, std::chrono::microseconds busy = {}) {
    return CheckStatus(Ask(command, busy));
  }
  // A command and its reply.
  template <typename CommandValue>
  absl::StatusOr<absl::Span<const uint8_t>> Ask(const CommandValue& command, std::chrono::microseconds busy = {}) {
    return Exchange(absl::MakeConstSpan(buffer_).first(Encode(command, absl::MakeSpan(buffer_))), 0, busy);
  }

  // Whether the transport has the device's endpoint for SWO. The next three are for where it has.
  bool has_trace() const { return transport_->trace() != nullptr; }
  // As its methods; an error may be the end of the channel.
  absl::Status StartTrace();
  void StopTrace() { transport_->trace()->Stop(); }
  absl::StatusOr<bool> TakeTrace(std::vector<uint8_t>& bytes, size_t most);

  // Whether the device was reset as the place was found again, since this was last asked: then it may have forgotten
  // what it was told.
  bool TakeReset() { return std::exchange(was_reset_, false); }

  // To be called when the last reply makes no sense: finds the place again. The error to report, never OK.
  absl::Status Nonsense(Command command);

 private:
  struct Pending {
    Command command;
    size_t transfers;
    size_t bytes;
  };

  absl::Status CheckStatus(const absl::StatusOr<absl::Span<const uint8_t>>& reply);
  // Takes an error of the transport's: it is the end of the channel where the device is gone.
  absl::Status Fail(absl::Status status);
  absl::Status Check(absl::Status status, Command command);
  absl::Status End(absl::Status status, DisconnectCause cause);
  absl::Status Recover(const std::string& why);
  absl::StatusOr<bool> TryMarker(size_t attempt);
  absl::StatusOr<bool> FindMarker(const Marker& marker);

  const std::unique_ptr<Transport> transport_;
  NoObserver nobody_;
  ProbeObserver* observer_ = &nobody_;
  const std::chrono::milliseconds reply_timeout_;
  std::vector<Marker> markers_;
  std::vector<Pending> pending_;
  std::vector<uint8_t> buffer_;
  bool was_reset_ = false;
  absl::Status gone_;
};

}  // namespace probegate::cmsis_dap
