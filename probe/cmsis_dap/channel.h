// Commands to a CMSIS-DAP device and the replies to them: which reply belongs to which command, and what to do if one
// does not come, or another command's comes instead.
//
// A reply identifies its command only by the command's number, so after a lost reply the next one could be mistaken for
// it. Whenever that is possible, the channel finds its place again, which means that it discards what arrives until the
// device has answered a question whose answer cannot be mistaken. If it does not, the transport restores the link, and
// the channel asks again. The commands that were in progress fail with kProbeError and are not repeated, because they
// may have been carried out. A device that does not answer after the last attempt either is gone: from then on, every
// command fails with kProbeDisconnected.
//
// A reply that comes while no command is in progress shows that the place was lost earlier. It is noticed before the
// next command is sent, which then fails without having been sent. But if it is a copy of the last reply, and
// that reply's command was the only one in flight, no harm was done: the copy is discarded, and the next command is
// sent.
//
// Errors of every command: kProbeDisconnected; kProbeError if the device refuses, does not answer in time, or sends
// what cannot be a reply. The message names the command and, if it is refused, its argument and what the device
// answered.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/hex.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/cmsis_dap/transport.h"
#include "probe/interrupt.h"
#include "probe/observer.h"

namespace probegate::cmsis_dap {

// The error of `command`, its name with its argument, which the device has refused with `answer`.
absl::Status Refused(const std::string& command, const std::string& answer);

// The same for a command that the device does not know.
absl::Status Unknown(const std::string& command);

// Whether `status` is one of these two errors. The command has then changed nothing.
bool IsRefusal(const absl::Status& status);

class Channel {
 public:
  // A question and the reply to it, without the bytes that may follow the reply in its packet.
  struct Marker {
    Info question;
    std::vector<uint8_t> reply;
  };

  // Waits for each reply for `reply_timeout`, plus the time that its command itself takes.
  Channel(std::unique_ptr<Transport> transport, std::chrono::milliseconds reply_timeout);

  size_t max_packet_size() const { return transport_->max_packet_size(); }
  bool pads_replies() const { return transport_->pads_replies(); }
  absl::Status CheckPresent();

  // As Probe::SetObserver.
  void SetObserver(ProbeObserver* observer);
  ProbeObserver& observer() const { return *observer_; }

  // As Probe::SetInterrupt. The channel itself does not ask: those who send many packets do, between two of them.
  void SetInterrupt(const Interrupt* interrupt) { interrupt_ = interrupt; }
  bool interrupted() const { return interrupt_ != nullptr && interrupt_->raised(); }

  // Reports `what` as ProbeObserver::OnAssumption, once for each text, and keeps it until there is an observer. The
  // texts that a device can cause must be few: after kMostAssumptions, no more are reported.
  static constexpr size_t kMostAssumptions = 32;
  void Assume(std::string what);

  // The questions to ask when the place was lost, in the order to try; no reply may begin with another's. Before each
  // attempt except the first, the transport restores the link. If there are fewer markers than attempts, they are asked
  // again from the first on. Without markers, the place cannot be found again, and replies that belong to no command
  // are discarded.
  void SetMarkers(std::vector<Marker> markers) { markers_ = std::move(markers); }

  // Sends `command`, and waits for its reply: for the channel's `reply_timeout` and `busy`, which is how long the
  // device may need beyond what a short command takes. `transfers`, how many the command has, is for the observer.
  // Bytes that the reply refers to are valid until the next call.
  template <typename Value>
  absl::StatusOr<typename std::remove_cvref_t<Value>::Reply> Ask(Value&& command, std::chrono::microseconds busy = {},
                                                                 size_t transfers = 0) {
    if (absl::Status sent = Send(command, transfers); !sent.ok()) return sent;
    return Receive(command, busy);
  }

  // As Ask, for a command that the device need not know: the reply as it came, whatever it says; nothing if the device
  // says that it does not know the command.
  template <typename Value>
  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> AskIfKnown(const Value& command) {
    if (absl::Status sent = Send(command, 0); !sent.ok()) return sent;
    const auto bytes = ReceiveReply({});
    if (!bytes.ok()) return bytes.status();
    if (!Answers(*bytes, Value::kCommand)) return std::nullopt;
    return *bytes;
  }

  // As Ask, for a command that is needed and answered by its status alone.
  template <typename Value>
  absl::Status Order(const Value& command, std::chrono::microseconds busy = {}) {
    static_assert(FindCommand(Value::kCommand)->without == nullptr);
    return Ask(command, busy).status();
  }

  // As Ask, for an optional command: nothing if the device refuses it, which is reported as an assumption.
  template <typename Value>
  absl::StatusOr<std::optional<typename Value::Reply>> Offer(const Value& command,
                                                             std::chrono::microseconds busy = {}) {
    constexpr const char* kWithout = FindCommand(Value::kCommand)->without;
    static_assert(kWithout != nullptr);
    auto reply = Ask(command, busy);
    if (reply.ok()) return std::optional(*std::move(reply));
    if (!IsRefusal(reply.status())) return reply.status();
    Assume(std::string(reply.status().message()) + "; " + kWithout);
    return std::optional<typename Value::Reply>();
  }

  // The two halves of Ask, for several commands in flight together: replies come in the order of the commands.
  template <typename Value>
  absl::Status Send(const Value& command, size_t transfers) {
    if constexpr (requires { command.bytes(); }) {
      return SendRequest(command.bytes(), transfers);
    } else {
      return SendRequest(Encoded(command), transfers);
    }
  }
  template <typename Value>
  absl::StatusOr<typename std::remove_cvref_t<Value>::Reply> Receive(Value&& command, std::chrono::microseconds busy) {
    using Type = std::remove_cvref_t<Value>;
    using Reply = typename Type::Reply;
    constexpr ReplyForm kForm = FindCommand(Type::kCommand)->reply;
    static_assert(kForm != ReplyForm::kNone);
    const auto bytes = ReceiveReply(busy);
    if (!bytes.ok()) return bytes.status();
    if (IsUnknownCommand(*bytes)) return Unknown(Named(command));
    if constexpr (kForm == ReplyForm::kStatus) {
      const std::optional<uint8_t> status = StatusByte(*bytes);
      if (!status) return Nonsense(Type::kCommand);
      if (*status != kStatusOk) return Refused(Named(command), "status " + Hex(*status, 2));
    }
    if constexpr (std::is_same_v<Reply, Done>) {
      return Done{};
    } else {
      std::optional<Reply> reply = command.Decode(*bytes);
      if (!reply) return Nonsense(Type::kCommand);
      return *std::move(reply);
    }
  }

  // While no command is in progress: discards replies that belong to none, or finds the place again if they show that
  // it was lost. Send does this by itself; a user that had several commands in flight also does it at their end,
  // because the replies to them may have been mistaken for each other.
  absl::Status TakeUnasked();

  // Whether the transport has the device's endpoint for SWO. The next three need it.
  bool has_trace() const { return transport_->trace() != nullptr; }
  // As the methods of TraceStream. An error may mean that the device is gone, for all later commands, too.
  absl::Status StartTrace();
  void StopTrace() { transport_->trace()->Stop(); }
  absl::StatusOr<bool> TakeTrace(std::vector<uint8_t>& bytes, size_t most);

  // Whether the device was reset to find the place again, since the last call of this function. It may then have lost
  // its settings.
  bool TakeReset() { return std::exchange(was_reset_, false); }

 private:
  void ReportAssumptions();

  struct Pending {
    Command command;
    size_t transfers;
    size_t bytes;
  };

  template <typename Value>
  absl::Span<const uint8_t> Encoded(const Value& command) {
    return absl::MakeConstSpan(buffer_).first(command.Encode(absl::MakeSpan(buffer_)));
  }
  absl::Status SendRequest(absl::Span<const uint8_t> request, size_t transfers);
  absl::Span<const uint8_t> Keep(absl::Span<const uint8_t> reply);
  // Waits for the reply to the oldest unanswered request, and checks that it begins with the request's command, or says
  // that the device does not know that. The view is valid until the next call.
  absl::StatusOr<absl::Span<const uint8_t>> ReceiveReply(std::chrono::microseconds busy);
  // The last reply was invalid: finds the place again. Returns the error to report, never OK.
  absl::Status Nonsense(Command command);
  // Handles an error of the transport: ends the channel if the device is gone.
  absl::Status Fail(absl::Status status);
  absl::Status Check(absl::Status status, Command command);
  absl::Status End(absl::Status status, DisconnectCause cause);
  absl::Status Recover(const std::string& why);
  absl::StatusOr<bool> TryMarker(int attempt, bool abort);
  absl::StatusOr<bool> FindMarker(const Marker& marker, bool abort);
  absl::StatusOr<bool> AwaitReply(absl::Span<const uint8_t> wanted, TimePoint deadline);

  const std::unique_ptr<Transport> transport_;
  NoObserver nobody_;
  ProbeObserver* observer_ = &nobody_;
  const Interrupt* interrupt_ = nullptr;
  std::vector<std::string> assumptions_;
  size_t reported_ = 0;  // how many of them an observer has been told
  const std::chrono::milliseconds reply_timeout_;
  std::vector<Marker> markers_;
  std::vector<Pending> pending_;
  std::vector<uint8_t> buffer_;
  std::vector<uint8_t> last_reply_;
  bool overlapped_ = false;  // the last commands were in flight together
  bool was_reset_ = false;
  absl::Status gone_;
};

}  // namespace probegate::cmsis_dap
