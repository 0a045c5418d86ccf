// DAP_TransferConfigure, DAP_Transfer, DAP_TransferBlock and DAP_WriteABORT, as Arm's firmware does them: posted AP
// reads are pipelined, WAIT is tried again, the last write of a packet is checked by a read of RDBUFF, and the reply
// says how many transfers were acknowledged and how the last one was.
//
// Here is also where a wire transfer is made to fail on purpose, and where they are counted: each that goes out on the
// wire, the probe's own repeats and reads of RDBUFF included.
#pragma once

#include <cstdint>
#include <functional>

#include "sim/cmsis_dap/jtag_master.h"
#include "sim/cmsis_dap/message.h"
#include "sim/cmsis_dap/protocol.h"
#include "sim/cmsis_dap/swd_master.h"
#include "sim/fault_schedule.h"

namespace probegate::sim {

// kNoAck spoils the request's parity, so the DP keeps silent until a line reset, as it does after noise on the wire;
// over JTAG until Test-Logic-Reset.
// kWait and kFault are the DP's own answers: DebugPort::ForceNext.
enum class TransferFault : uint8_t { kWait, kFault, kNoAck };

class Transfers {
 public:
  // `pins` and `port` are the two ends of one target and must outlive it. `timer` is the test domain timer.
  Transfers(SwjDp& pins, DebugPort& port, std::function<uint32_t()> timer)
      : port_(port), swd_(pins), jtag_(pins), timer_(std::move(timer)) {}

  // Which protocol carries the transfers; SWD at first.
  void UseJtag(bool jtag) { master_ = jtag ? static_cast<WireMaster*>(&jtag_) : &swd_; }

  // The commands from behind their first byte. False, with nothing done, for a request that is cut short or whose reply
  // would not fit; what was written is then the caller's to take back. `connected` is whether the probe has been
  // connected to the wire; without that a transfer is not even tried.
  bool Configure(RequestReader& request, ReplyWriter& reply);
  bool Transfer(RequestReader& request, ReplyWriter& reply, bool connected);
  bool TransferBlock(RequestReader& request, ReplyWriter& reply, bool connected);
  bool WriteAbort(RequestReader& request, ReplyWriter& reply, bool connected);

  // Back to what the probe powers up with. Counts and faults stay.
  void ResetSettings();

  SwdSettings& swd_settings() { return swd_.settings(); }
  JtagMaster& jtag() { return jtag_; }
  FaultSchedule<TransferFault>& faults() { return faults_; }
  uint64_t ap_writes() const { return ap_writes_; }

 private:
  static constexpr uint16_t kDefaultWaitRetries = 100;

  struct Item {
    uint8_t request;
    uint32_t value;
  };
  // How far one DAP_Transfer has come.
  struct Progress {
    bool posted_read = false;
    bool posted_ap = false;  // to an AP
    bool unchecked_write = false;
    uint8_t ack = 0;
    uint8_t count = 0;
  };

  bool Run(const Item& item, Progress& progress, ReplyWriter& reply);
  bool RunRead(const Item& item, Progress& progress, ReplyWriter& reply);
  bool RunMatch(const Item& item, Progress& progress);
  bool RunWrite(const Item& item, Progress& progress, ReplyWriter& reply);
  bool CollectPosted(Progress& progress, ReplyWriter& reply);
  uint8_t ReadBlock(uint8_t request, uint16_t words, uint16_t& done, ReplyWriter& reply);
  uint8_t WriteBlock(uint8_t request, std::span<const uint8_t> data, uint16_t& done);
  void Stamp(const Item& item, ReplyWriter& reply);
  uint8_t Retried(uint8_t request, uint32_t* data);
  uint8_t Once(uint8_t request, uint32_t* data);

  DebugPort& port_;
  SwdMaster swd_;
  JtagMaster jtag_;
  WireMaster* master_ = &swd_;
  const std::function<uint32_t()> timer_;
  FaultSchedule<TransferFault> faults_;
  uint64_t ap_writes_ = 0;
  uint16_t wait_retries_ = kDefaultWaitRetries;
  uint16_t match_retries_ = 0;
  uint32_t match_mask_ = 0;
};

}  // namespace probegate::sim
