// One probe, shared by sessions that must not notice each other: every rule of sharing is here, and no threads.
//
// - A session's opens and connects are counted per session; the probe opens with the first and closes with the last.
// - SELECT is each session's own, and so are CSW and TAR of each MEM-AP (server/sharing/transfer_plan.h).
// - Power requests are OR-ed; a session sees the wire's power bits as far as it asked for them itself.
// - nRESET is low while any session holds it; the clock is the lowest that any asked for.
// - SWO is captured once, for all who subscribe (server/sharing/shared_swo.h).
// - After raw sequences, resets and lost ACKs the DP is in the hands of the session that did it. Before another is
// served
//   the link is established anew; where that fails, the others are told whose doing it is.
//
// The functions are in three files: shared_probe.cc (who has what), shared_probe_link.cc (the DP, and power) and
// shared_probe_jobs.cc (transfers).
//
// Threads: one; in the server the lane's. Every method blocks for as long as the probe takes. Errors are
// probe/error.h's.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "probe/probe.h"
#include "server/sharing/session_state.h"
#include "server/sharing/shared_swo.h"
#include "server/sharing/transfer_job.h"
#include "server/sharing/transfer_plan.h"
#include "server/sharing/wire_state.h"
#include "telemetry/metrics.h"

namespace probegate {

class SharedProbe {
 public:
  // `batch_commands` (null: nobody asks) is told how many jobs go to the probe together, each time that some do, and
  // `swo` what comes by SWO. They must outlive this.
  explicit SharedProbe(std::unique_ptr<Probe> probe, const Histogram* batch_commands = nullptr,
                       const SwoCounters& swo = {});
  // Leaves the probe as Shutdown does.
  ~SharedProbe();
  SharedProbe(const SharedProbe&) = delete;
  SharedProbe& operator=(const SharedProbe&) = delete;

  const ProbeInfo& info() const { return probe_->info(); }

  // A session that is not joined owns nothing. Leave gives back all it has, as far as the probe still lets it;
  // `session` may be destroyed afterwards.
  void Join(SessionState& session);
  void Leave(SessionState& session);

  absl::Status Open(SessionState& session);
  absl::Status Close(SessionState& session);
  absl::StatusOr<WireProtocol> Connect(SessionState& session, WireProtocol protocol);
  absl::Status Disconnect(SessionState& session);
  // SWD or JTAG once the session has connected.
  std::optional<WireProtocol> ProtocolFor(const SessionState& session) const;

  absl::Status SwjSequence(SessionState& session, size_t bit_count, absl::Span<const uint8_t> bits);
  absl::StatusOr<std::vector<std::vector<uint8_t>>> SwdSequence(SessionState& session,
                                                                absl::Span<const SwdSegment> segments);
  absl::StatusOr<std::vector<uint8_t>> JtagSequence(SessionState& session, const JtagStretch& stretch);
  absl::Status SetClock(SessionState& session, uint32_t hertz);
  absl::Status Reset(SessionState& session);
  absl::Status AssertReset(SessionState& session, bool asserted);
  absl::StatusOr<bool> IsResetAsserted(SessionState& session);

  // Writes to the DP registers that are more than a transfer: CTRL/STAT (in bank 0), SELECT1, TARGETSEL.
  absl::Status WriteDp(SessionState& session, uint8_t address, uint32_t value);

  // A handle, or nothing where the AP is not a MEM-AP. Brings up the link and debug power where need be.
  // `ap_version` 1: `address` is an APSEL; 2: an ADIv6 base address.
  absl::StatusOr<std::optional<uint32_t>> MemoryInterface(SessionState& session, uint32_t ap_version, uint64_t address);

  // One job and whose it is.
  struct Work {
    TransferJob* job;
    SessionState* session;
  };
  // Carries out the jobs in their order until each has finished or, past `budget` transfers, the rest has to wait for
  // the next call. A job that fails does not keep those behind it from running, unless it is posted
  // (server/sharing/posted_failure.h). Returns kProbeDisconnected once the probe is gone.
  absl::Status RunTransfers(absl::Span<const Work> work, size_t budget);

  // The session's subscription to SWO (server/sharing/shared_swo.h). It ends with the session's last close.
  absl::Status SwoStart(SessionState& session, uint32_t baud);
  absl::Status SwoStop(SessionState& session) { return swo_.Stop(session); }
  absl::StatusOr<SwoTaken> SwoRead(SessionState& session) { return swo_.Read(session); }
  bool swo_active() const { return swo_.active(); }
  absl::StatusOr<bool> PollSwo() { return swo_.Poll(); }

  // As Probe::CheckPresent.
  absl::Status CheckPresent() { return probe_->CheckPresent(); }

  // Gives back what all sessions have, disconnects and closes the probe.
  void Shutdown();

 private:
  absl::Status RequireOpen(const SessionState& session) const;
  absl::Status RequireConnected(const SessionState& session) const;

  // Of a session that is connected.
  absl::Status RequireProtocol(WireProtocol protocol) const;

  void NoteTargetSelect(SessionState& session, absl::Span<const uint8_t> bits, size_t bit_count);
  absl::Status CheckJob(SessionState& session, const TransferJob& job) const;
  // The next job of its session, perhaps behind a posted one that failed. True where it is over, at once or by now.
  bool Settle(const Work& work);

  // Makes sure that `session` may use the wire. Costs nothing unless somebody else has touched it or, where
  // `needs_link`, the DP has not answered yet.
  bool LinkIsFit(const SessionState& session, bool needs_link) const;
  absl::Status PrepareLink(SessionState& session, bool needs_link);
  absl::Status Relink(SessionState& session);
  absl::Status RelinkFailed(const SessionState& session, const absl::Status& why);
  // After a failed transfer of `session`'s: clears the sticky flags, or notes that the DP is lost.
  absl::Status Recover(const SessionState& session, const absl::Status& failure);

  absl::Status RunJob(SessionState& session, TransferJob job);
  // The server's own transfers on behalf of `session`, who has to answer for what comes of them.
  absl::Status RunOnWire(const SessionState& session, std::initializer_list<TransferOp> ops);
  absl::StatusOr<uint32_t> ReadControlStatus(const SessionState& session);
  absl::Status WriteControlStatus(SessionState& session, uint32_t value);
  // `clear_flags`: of the sticky ones, which ones over JTAG clear.
  absl::Status WriteWireControlStatus(const SessionState& session, uint32_t requests, uint32_t clear_flags = 0);
  absl::Status AwaitPower(const SessionState& session, uint32_t acks, bool up);

  uint32_t PowerOfAll() const;
  absl::Status RequestPower(SessionState& session);
  void ReleasePower(const SessionState& session);
  void RestoreOriginals(const SessionState& session);
  void LetGoOfWire(SessionState& session);
  absl::Status ApplyClock();
  absl::Status ApplyReset();

  const std::unique_ptr<Probe> probe_;
  SharedSwo swo_;
  const Histogram* const batch_commands_;
  std::vector<SessionState*> sessions_;
  bool probe_open_ = false;
  std::optional<WireProtocol> protocol_;
  std::optional<uint32_t> wire_clock_hz_;
  bool reset_asserted_ = false;

  WireState wire_;
  uint32_t wire_power_ = 0;    // the power requests last written to CTRL/STAT
  uint32_t control_bits_ = 0;  // and its other bits
  TransferPlan plan_{wire_};
};

}  // namespace probegate
