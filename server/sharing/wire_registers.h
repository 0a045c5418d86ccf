// Plans the transfers that go between the jobs' own: they bring SELECT, CSW and TAR on the wire to what the next
// access needs, and nothing is written that the wire already holds.
//
// Before another session's TAR is overwritten it is read back for that session, if only the wire knows it. And each
// job's AP writes are followed by a read of RDBUFF (the fence): SWD posts AP writes, so a bus fault would otherwise
// show on the next job.
//
// One thread. The transfers go to a PlannedOps, and WireState is moved on as if they had been done.
#pragma once

#include <cstdint>

#include "server/sharing/ap_state.h"
#include "server/sharing/planned_ops.h"
#include "server/sharing/session_state.h"
#include "server/sharing/wire_state.h"

namespace probegate {

class WireRegisters {
 public:
  // Both must outlive this.
  WireRegisters(WireState& wire, PlannedOps& ops) : wire_(wire), ops_(ops) {}
  WireRegisters(const WireRegisters&) = delete;
  WireRegisters& operator=(const WireRegisters&) = delete;

  // True if it is known what the AP is. Otherwise plans the reads that tell; they must run before anything else is
  // planned for the AP.
  bool Identify(ApId ap, SessionState& session);

  // True if the attributes of an identified MEM-AP are known. Otherwise plans the trial that tells; it must run before
  // anything else is planned for the AP.
  bool LearnAttributes(ApId ap, SessionState& session);

  void SelectDpBank(uint32_t bank);
  // For an access of `session` to the AP register at this address, as the protocols carry it.
  void SelectAp(uint64_t register_address, SessionState& session);

  // For the server's own memory interface of `session`, which has no view.
  void SetCsw(ApId ap, uint32_t value, SessionState& session);
  void SetTar(ApId ap, uint64_t value, SessionState& session) { SetTar(ap, value, nullptr, session); }

  // CSW and TAR as the session's view has them.
  void SetForView(ApId ap, ApView& view, SessionState& session);

  // `session` writes TAR: it goes into the packet of the next access through it, since TAR affects nothing else.
  static void WriteTarLater(uint32_t value, ApView& view, WireAp& wire);

  // The last job's AP writes have landed, or have failed, before the next job begins.
  void Fence();

 private:
  void Select(uint32_t value);
  // `for_view`: whose TAR it will be; null for the server's own memory interface.
  void SetTar(ApId ap, uint64_t value, const ApView* for_view, SessionState& session);
  void SaveTarOfOthers(ApId ap, const ApView* for_view, SessionState& session);
  void WriteApRegister(ApId ap, uint8_t offset, uint32_t value, SessionState& session);

  WireState& wire_;
  PlannedOps& ops_;
};

}  // namespace probegate
