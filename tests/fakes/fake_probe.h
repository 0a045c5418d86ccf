// A simulated Probe, with a log of the calls to it and failures at chosen transfers.
//
//   auto wire = std::make_shared<FakeWire>();
//   auto probe = std::make_unique<FakeProbe>(wire);   // passed to the code under test
//   wire->FailTransfer(3, FakeFailure::kNoAck);       // the fourth transfer from now
//   EXPECT_THAT(wire->TransferLog(), ElementsAre("wr dp 8 00000000", …));
//
// A FakeWire is the probe with the cable and the board; it outlives the FakeProbe, which is gone for good once it is
// unplugged, like any Probe. Another FakeProbe on the same wire is the same probe plugged in again.
//
// Threads: FakeProbe as any Probe. FakeWire's methods may be called from any thread; none blocks unless its comment
// says so.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "probe/error.h"
#include "probe/interrupt.h"
#include "probe/observer.h"
#include "probe/probe.h"
#include "tests/fakes/fake_board.h"

namespace probegate {

// A failure at a transfer, and the error that Probe::Transfer then reports.
enum class FakeFailure : uint8_t {
  kWait,        // kTransferTimeout; nothing else changes
  kFault,       // kTransferFault; STICKYERR stays set until ABORT clears it
  kNoAck,       // kTransferError; the link is lost until a line reset
  kProbeError,  // kProbeError; the transfer did not run
  kReplyLost,   // kProbeError; the transfer and those after it in the call ran, but the reply was lost
  kUnplug,      // kProbeDisconnected, from then on
};

// One call of a method of Probe, except info() and CheckPresent().
struct WireCall {
  enum class Kind : uint8_t {
    kOpen,
    kClose,
    kConnect,
    kDisconnect,
    kSetClock,      // argument: hertz, or 0 for the default
    kSwjSequence,   // argument: bits
    kSwdSequence,   // argument: segments
    kJtagSequence,  // argument: cycles
    kReset,
    kAssertReset,  // argument: 0 or 1
    kIsResetAsserted,
    kTransfer,  // argument: transfers requested; `transfers`: those that completed
    kSwoStart,  // argument: baud
    kSwoStop,
    kSwoRead,
  };
  Kind kind;
  uint64_t argument = 0;
  std::vector<WireTransfer> transfers;
};

// "set_clock 1000000", "transfer 2", …
std::string ToString(const WireCall& call);
// "wr ap c 12345678", "rd dp 4 f0000000": A[3:2] and the value in hexadecimal.
std::string ToString(const WireTransfer& transfer);

class FakeWire {
 public:
  FakeWire() : FakeWire(FakeBoardOptions{}, DefaultInfo("FAKE0001")) {}
  FakeWire(const FakeBoardOptions& board, ProbeInfo info);

  static ProbeInfo DefaultInfo(std::string unique_id);
  const ProbeInfo& info() const { return info_; }

  // The log, oldest first.
  std::vector<WireCall> Calls() const;
  std::vector<std::string> CallLog() const;      // ToString of each call
  std::vector<std::string> TransferLog() const;  // ToString of each transfer that completed, over all calls
  size_t CountCalls(WireCall::Kind kind) const;
  void ClearLog();

  // Makes the transfer that is `index` transfers away (0: the next) fail, and `times` - 1 more after it. Transfers of
  // all calls count. A second call replaces the first.
  void FailTransfer(size_t index, FakeFailure failure, size_t times = 1);
  // Makes the next call of any method except Transfer and Close fail with `kind`.
  void FailNextCall(ErrorKind kind);

  // From now on, the probe refuses clocks below `lowest`, and runs at `highest` instead of any above it. Its default is
  // never refused.
  void SetClocks(uint32_t lowest, uint32_t highest);

  // From now on every method returns kProbeDisconnected, until a new FakeProbe is made on this wire.
  void Unplug();
  // Make the target lose its link, or its power and so all registers (not RAM), without anyone being told.
  void LoseLink();
  void PowerCycle();

  // Holds the next Transfer before it does anything, and all later ones, until ReleaseTransfers.
  void HoldTransfers();
  // Blocks until a Transfer is being held. Returns false if `bound` passed first.
  bool WaitUntilHeld(std::chrono::milliseconds bound);
  void ReleaseTransfers();

  // Calls `action` before the transfer that is `index` transfers away, once. Without the lock held; the transfer's
  // thread is blocked meanwhile.
  void BeforeTransfer(size_t index, std::function<void()> action);

  // Queues `data` for one SwoRead during a capture; each SwoRead takes one.
  void SendSwo(SwoData data);
  // The rate at which SWO is captured; empty while it is not.
  std::optional<uint32_t> swo_baud() const;

  // Runs `action` on the board, with the lock held.
  void WithBoard(const std::function<void(FakeBoard&)>& action);
  // Access to RAM by the target's addresses, which must be within it.
  std::vector<uint8_t> ReadRam(uint32_t address, size_t size) const;
  void WriteRam(uint32_t address, absl::Span<const uint8_t> bytes);
  // One word of RAM.
  uint32_t Ram(uint32_t address) const;
  void SetRam(uint32_t address, uint32_t word);

  // The state that the probe was last put in.
  bool is_open() const;
  bool is_connected() const;
  bool reset_asserted() const;
  size_t reset_pulses() const;  // how often the target was reset by a pulse
  uint32_t clock() const;

 private:
  friend class FakeProbe;

  absl::Status Enter(WireCall call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  TransferResult Transfer(absl::Span<const TransferOp> ops, const Interrupt* interrupt);
  // `write_in_flight`: the last transfer was an AP write that was acknowledged, and it is not yet known whether it
  // landed.
  absl::Status RunOne(WireTransfer& transfer, bool& write_in_flight) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<FakeFailure> TakeFailure() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const FakeBoardOptions options_;
  const ProbeInfo info_;
  mutable Mutex mutex_;
  CondVar changed_;
  FakeBoard board_ ABSL_GUARDED_BY(mutex_);
  std::vector<WireCall> calls_ ABSL_GUARDED_BY(mutex_);
  std::optional<FakeFailure> failure_ ABSL_GUARDED_BY(mutex_);
  size_t fail_after_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t fail_times_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<ErrorKind> fail_call_ ABSL_GUARDED_BY(mutex_);
  bool reply_lost_ ABSL_GUARDED_BY(mutex_) = false;
  bool unplugged_ ABSL_GUARDED_BY(mutex_) = false;
  bool hold_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> before_ ABSL_GUARDED_BY(mutex_);
  size_t before_after_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t held_ ABSL_GUARDED_BY(mutex_) = 0;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  bool connected_ ABSL_GUARDED_BY(mutex_) = false;
  bool reset_asserted_ ABSL_GUARDED_BY(mutex_) = false;
  size_t reset_pulses_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t clock_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t lowest_clock_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t highest_clock_ ABSL_GUARDED_BY(mutex_) = UINT32_MAX;
  std::optional<uint32_t> swo_baud_ ABSL_GUARDED_BY(mutex_);
  std::deque<SwoData> swo_ ABSL_GUARDED_BY(mutex_);
};

// It reports each call of Transfer to its observer as one packet, with four bytes per transfer in each direction. It
// asks its interrupt before each sequence, and before every kPacketTransfers transfers of a Transfer.
class FakeProbe : public Probe {
 public:
  static constexpr size_t kPacketTransfers = 16;

  explicit FakeProbe(std::shared_ptr<FakeWire> wire);

  const ProbeInfo& info() const override { return wire_->info(); }
  void SetObserver(ProbeObserver* observer) override { observer_ = observer != nullptr ? observer : &nobody_; }
  void SetInterrupt(const Interrupt* interrupt) override { interrupt_ = interrupt; }
  absl::Status CheckPresent() override;
  absl::Status Open() override;
  void Close() override;
  absl::StatusOr<WireProtocol> Connect(WireProtocol protocol) override;
  absl::Status Disconnect() override;
  absl::StatusOr<uint32_t> SetClock(std::optional<uint32_t> hertz) override;
  absl::Status SwjSequence(size_t bit_count, absl::Span<const uint8_t> bits) override;
  absl::StatusOr<std::vector<std::vector<uint8_t>>> SwdSequence(absl::Span<const SwdSegment> segments) override;
  absl::StatusOr<std::vector<uint8_t>> JtagSequence(const JtagStretch& stretch) override;
  absl::Status Reset() override;
  absl::Status AssertReset(bool asserted) override;
  absl::StatusOr<bool> IsResetAsserted() override;
  TransferResult Transfer(absl::Span<const TransferOp> ops) override;
  absl::Status SwoStart(uint32_t baud) override;
  absl::Status SwoStop() override;
  absl::StatusOr<SwoData> SwoRead() override;

 private:
  absl::Status Enter(WireCall call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(wire_->mutex_);
  bool interrupted() const { return interrupt_ != nullptr && interrupt_->raised(); }
  // Reports the outcome of a method to the observer.
  absl::Status Seen(absl::Status status);

  const std::shared_ptr<FakeWire> wire_;
  NoObserver nobody_;
  ProbeObserver* observer_ = &nobody_;
  const Interrupt* interrupt_ = nullptr;
  bool seen_gone_ = false;
};

}  // namespace probegate
