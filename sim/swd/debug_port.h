// The registers of a DP (ADIv5.2 §B2.2, DP version 1; IHI 0074 §B2.2, version 3) and the rules for when it answers OK,
// WAIT and FAULT (§B4.2).
//
// It is independent of the bits on the wire. AP reads are posted: each returns what the previous AP read has fetched,
// and RDBUFF returns the result of the last. An AP transaction that fails sets STICKYERR, so the next transfer is the
// first to get FAULT; until ABORT clears the flag, only reads of DPIDR and CTRL/STAT and writes of ABORT get OK. An AP
// access without CDBGPWRUPACK gets FAULT immediately. Pushed operations (TRNMODE) are not modelled.
//
// Over JTAG (§B3.4) there is no FAULT: while a sticky flag is set, accesses to APs are discarded. Writing ones to
// CTRL/STAT's flags clears them too; ABORT has an instruction of its own, and RDBUFF reads as zero.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "sim/swd/ap_bus.h"
#include "sim/swd/power_control.h"
#include "sim/trace.h"

namespace probegate::sim {

enum class Ack : uint8_t { kOk = 1, kWait = 2, kFault = 4 };

// A packet request without start, parity, stop and park: APnDP, RnW, and A[3:2] as 0x0, 0x4, 0x8 or 0xC.
struct SwdRequest {
  bool ap = false;
  bool read = false;
  uint8_t address = 0;
};

// The identification registers of a DP. Bits 15:12 of DPIDR are its version; BASEPTR and DPIDR1 exist from version 3
// on.
struct DpIdentity {
  uint32_t dpidr = 0;
  uint32_t dpidr1 = 0;
  uint32_t base_pointer = 0;  // BASEPTR0, its VALID bit included
};

class DebugPort {
 public:
  // `access_ports[n]` answers to APSEL n and must outlive the port. APs that do not exist read as zero. `now` is the
  // time for PowerControl.
  DebugPort(uint32_t dpidr, std::span<AccessPort* const> access_ports, std::function<PowerControl::Time()> now);

  // `bus`, which must outlive the port, is addressed as in the DP's version.
  DebugPort(const DpIdentity& identity, ApBus& bus, std::function<PowerControl::Time()> now);

  // `requested` is called before each request is decided on, so that the rest of the chip can be brought up to date.
  void OnRequest(std::function<void()> requested) { requested_ = std::move(requested); }
  void TraceTo(Trace* trace) { trace_ = trace; }

  // Decides on a request, and sets the sticky flags that the decision sets (STICKYERR, STICKYORUN). Moves no data.
  Ack Judge(const SwdRequest& request);

  // The data phases of a request that was judged OK.
  uint32_t Read(const SwdRequest& request);
  void Write(const SwdRequest& request, uint32_t value);
  void WriteWithBadParity();

  // JTAG: whether a scan of DPACC or APACC gets WAIT, and so does nothing. If not, ScanRead or ScanWrite makes the
  // access.
  bool ScanMustWait();
  uint32_t ScanRead(const SwdRequest& request);
  void ScanWrite(const SwdRequest& request, uint32_t value);

  // A line reset: sets DPBANKSEL to 0 and changes nothing else (§B4.3.3).
  void LineReset();

  // As after power-up; what has been set by the calls above and below is kept.
  void PowerUp();

  PowerControl& power() { return power_; }

  // Forces the acknowledge of the next request that is judged, if its register can give it. WAIT changes nothing else;
  // FAULT comes from STICKYERR being set before the request, and the flag stays set.
  void ForceNext(std::optional<Ack> ack) { forced_ = ack; }

  bool overrun_detection() const;
  unsigned turnaround() const;  // clocks, 1 to 4, from DLCR
  uint32_t select() const { return select_; }
  uint32_t ctrl_stat() const;

 private:
  bool AlwaysAnswers(const SwdRequest& request) const;
  Ack Decide(const SwdRequest& request);
  void TraceAccess(const SwdRequest& request, uint32_t value) const;
  void TraceAck(const SwdRequest& request, const char* ack) const;
  uint32_t ReadDp(uint8_t address);
  void WriteDp(uint8_t address, uint32_t value);
  uint32_t ReadAp(uint8_t address);
  void WriteAp(uint8_t address, uint32_t value);
  void Abort(uint32_t value);
  bool ScanReachesAp();
  uint32_t ScanFetch(const SwdRequest& request);
  bool version3() const { return (identity_.dpidr >> 12 & 0xF) >= 3; }
  uint32_t bank() const { return select_ & 0xF; }
  uint32_t ApAddress(uint8_t address) const { return (select_ & ~0xFu) | address; }

  const DpIdentity identity_;
  const std::unique_ptr<ApBus> owned_bus_;
  ApBus& bus_;
  PowerControl power_;
  uint32_t control_ = 0;  // the bits of CTRL/STAT that the host writes
  uint32_t sticky_ = 0;   // those that the DP sets
  uint32_t select_ = 0;
  uint32_t dlcr_ = 0;
  uint32_t read_buffer_ = 0;  // of the last AP read
  uint32_t resend_ = 0;
  std::optional<Ack> forced_;
  std::function<void()> requested_;
  Trace* trace_ = nullptr;
};

}  // namespace probegate::sim
