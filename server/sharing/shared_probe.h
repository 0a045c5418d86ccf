// One probe, shared by sessions that must not notice each other: all rules of sharing, and no threads.
//
// - A session's opens and connects are counted per session; the probe opens with the first and closes with the last.
// - nRESET is low while any session holds it; the clock is the lowest that any session asked for, as far as the probe
//   and its settings allow (Probe::SetClock), but no session gets it below a lowest rate.
// - SELECT is each session's own, and so are CSW and TAR of each MEM-AP (server/sharing/transfer_plan.h).
// - Power requests are OR-ed; a session sees the wire's power bits only as far as it asked for them itself. After raw
//   sequences and resets the link is established again before another session is served, and a session's own sequences
//   are driven again before it goes on. After a lost ACK the next transfer establishes the link. On a multi-drop wire,
//   each session uses the DP that it selected (server/sharing/dp_link.h).
// - Commands that are register transfers go to the probe together (server/sharing/job_runner.h).
// - SWO is captured once, for all subscribers (server/sharing/shared_swo.h).
//
// Threads: one; in the server the lane's. Every method blocks for as long as the probe takes. Errors: those of
// probe/error.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "probe/adi/access_attributes.h"
#include "probe/probe.h"
#include "server/sharing/dp_link.h"
#include "server/sharing/job_runner.h"
#include "server/sharing/session_state.h"
#include "server/sharing/shared_swo.h"
#include "server/sharing/transfer_job.h"
#include "server/sharing/wire_state.h"
#include "server/sharing/work_bound.h"
#include "telemetry/metrics.h"

namespace probegate {

class SharedProbe {
 public:
  // `warn` is as for DpLink, and `batch_commands` as for JobRunner; SWO is counted in `swo`. These two must outlive
  // this. A clock below `clock_min` hertz that a session asks for is taken for `clock_min`.
  explicit SharedProbe(
      std::unique_ptr<Probe> probe, DpLink::Warn warn = [](std::string_view) {},
      const Histogram* batch_commands = nullptr, const SwoCounters& swo = {}, uint32_t clock_min = 1);
  // Leaves the probe as Shutdown does.
  ~SharedProbe();
  SharedProbe(const SharedProbe&) = delete;
  SharedProbe& operator=(const SharedProbe&) = delete;

  const ProbeInfo& info() const { return probe_->info(); }
  // As Probe::SetObserver.
  void SetObserver(ProbeObserver* observer) { probe_->SetObserver(observer); }

  // A session must join before it can own anything, and stay where it is until it leaves. Leave gives back everything
  // it has, if the probe still answers.
  void Join(SessionState& session);
  void Leave(SessionState& session);

  absl::Status Open(SessionState& session);
  absl::Status Close(SessionState& session);
  absl::StatusOr<WireProtocol> Connect(SessionState& session, WireProtocol protocol);
  absl::Status Disconnect(SessionState& session);
  // SWD or JTAG if the session has connected.
  std::optional<WireProtocol> ProtocolFor(const SessionState& session) const;

  absl::Status SwjSequence(SessionState& session, size_t bit_count, absl::Span<const uint8_t> bits);
  absl::StatusOr<std::vector<std::vector<uint8_t>>> SwdSequence(SessionState& session,
                                                                absl::Span<const SwdSegment> segments);
  absl::StatusOr<std::vector<uint8_t>> JtagSequence(SessionState& session, const JtagStretch& stretch);
  // Returns the rate that runs from now on, which is the lowest that any session asked for, but at least the lowest
  // that is allowed, or a lower one if the probe takes no other. If the probe refuses, what the session asked for
  // before stays.
  absl::StatusOr<uint32_t> SetClock(SessionState& session, uint32_t hertz);
  absl::Status Reset(SessionState& session);
  absl::Status AssertReset(SessionState& session, bool asserted);
  absl::StatusOr<bool> IsResetAsserted(SessionState& session);

  // Writes the DP register at 0x4, in the bank that the session selected, or at 0xC. CTRL/STAT, SELECT1 and TARGETSEL
  // among them take more than one transfer. kUnsupported if the value would disturb the other sessions.
  absl::Status WriteDp(SessionState& session, uint8_t address, uint32_t value);

  // A handle, or nullopt if the AP is not a MEM-AP. Brings up the link and debug power if necessary. `ap_version` 1:
  // `address` is an APSEL; 2: an ADIv6 base address. kUnsupported if the AP cannot make accesses with these attributes.
  absl::StatusOr<std::optional<uint32_t>> MemoryInterface(SessionState& session, uint32_t ap_version, uint64_t address,
                                                          const adi::AccessAttributes& attributes = {});

  // As JobRunner::Run.
  using Work = JobRunner::Work;
  absl::Status RunTransfers(absl::Span<const Work> work, size_t budget) { return jobs_.Run(work, budget); }
  // How many transfers a turn may have at the clock that runs: half of kLongestTurn, but at most kSliceTransfers.
  size_t slice() const { return slice_; }
  // Until when the methods above may go on. Without a scope: to their end.
  WorkBound& bound() { return bound_; }

  // The session's subscription to SWO (server/sharing/shared_swo.h). It ends with the session's last close.
  absl::Status SwoStart(SessionState& session, uint32_t baud);
  absl::Status SwoStop(SessionState& session) { return swo_.Stop(session); }
  absl::StatusOr<SwoTaken> SwoRead(SessionState& session) { return swo_.Read(session); }
  bool swo_active() const { return swo_.active(); }
  absl::StatusOr<bool> PollSwo() { return swo_.Poll(); }

  // As Probe::CheckPresent.
  absl::Status CheckPresent() { return probe_->CheckPresent(); }

  // Gives back what all sessions have; disconnects and closes the probe.
  void Shutdown();

 private:
  absl::Status RequireOpen(const SessionState& session) const { return probegate::RequireOpen(session, info()); }
  absl::Status RequireConnected(const SessionState& session) const {
    return probegate::RequireConnected(session, info());
  }
  // Of a session that is connected.
  absl::Status RequireProtocol(WireProtocol protocol) const;

  absl::Status PrepareRaw(SessionState& session, const adi::RawEffect& effect, std::string what);
  // Of a session's new handle.
  absl::Status CheckAttributes(SessionState& session, uint32_t handle);
  void LetGoOfWire(SessionState& session);
  absl::StatusOr<uint32_t> ApplyClock();
  absl::Status ApplyReset();

  const std::unique_ptr<Probe> probe_;
  const uint32_t clock_min_;
  WorkBound bound_;
  SharedSwo swo_;
  std::vector<SessionState*> sessions_;  // that have joined
  bool probe_open_ = false;
  std::optional<WireProtocol> protocol_;  // while any session is connected

  WireState wire_;
  LinkClock clock_;
  DpLink link_;
  JobRunner jobs_;
  size_t slice_ = kSliceTransfers;
};

}  // namespace probegate
