// DAP_TransferConfigure, DAP_Transfer, DAP_TransferBlock and DAP_WriteABORT, as Arm's firmware executes them: posted AP
// reads are pipelined, transfers that get WAIT are retried, the last write of a packet is checked by a read of RDBUFF,
// and the reply gives the number of acknowledged transfers and the last acknowledge.
//
// This is also where transfers are counted and made to fail on purpose. Every transfer on the wire counts, including
// the probe's own retries and reads of RDBUFF.
#pragma once

#include <cstdint>
#include <functional>

#include "sim/cmsis_dap/jtag_master.h"
#include "sim/cmsis_dap/message.h"
#include "sim/cmsis_dap/probe_pins.h"
#include "sim/cmsis_dap/protocol.h"
#include "sim/cmsis_dap/swd_master.h"
#include "sim/fault_schedule.h"

namespace probegate::sim {

// kNoAck corrupts the request's parity, so the DP stays silent until a line reset (over JTAG: until Test-Logic-Reset),
// as it does after noise on the wire. kWait and kFault are the DP's own answers: see DebugPort::ForceNext.
enum class TransferFault : uint8_t { kWait, kFault, kNoAck };

class Transfers {
 public:
  // `probe` says which protocol carries the transfers. `target` and `port` are the two ends of the target on its
  // connector, and `timer` is the test domain timer. All but `timer` must outlive it.
  Transfers(const ProbePins& probe, SwjDp& target, DebugPort& port, std::function<uint32_t()> timer)
      : probe_(probe), port_(port), swd_(target), jtag_(target), timer_(std::move(timer)) {}

  // Command handlers (message.h). While the probe is not connected, no transfer is attempted.
  bool Configure(RequestReader& request, ReplyWriter& reply);
  bool Transfer(RequestReader& request, ReplyWriter& reply);
  bool TransferBlock(RequestReader& request, ReplyWriter& reply);
  bool WriteAbort(RequestReader& request, ReplyWriter& reply);

  // Restores the settings that the probe powers up with. Counts and faults are kept.
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
  // The progress of one DAP_Transfer.
  struct Progress {
    bool posted_read = false;
    bool posted_ap = false;  // the posted read is of an AP
    bool unchecked_write = false;
    uint8_t ack = 0;
    uint8_t count = 0;
  };

  // Starts a command's transfers to `device`. False if the probe is not connected or has no such device.
  bool Begin(uint8_t device);
  bool Run(const Item& item, Progress& progress, ReplyWriter& reply);
  bool RunRead(const Item& item, Progress& progress, ReplyWriter& reply);
  bool RunMatch(const Item& item, Progress& progress);
  bool RunWrite(const Item& item, Progress& progress, ReplyWriter& reply);
  bool CollectPosted(Progress& progress, ReplyWriter& reply);
  uint8_t ReadBlock(uint8_t request, uint16_t words, uint16_t& done, ReplyWriter& reply);
  uint8_t WriteBlock(uint8_t request, std::span<const uint8_t> data, uint16_t& done);
  void Stamp(const Item& item, ReplyWriter& reply);
  // Make one transfer, with or without retries of WAIT, and return its acknowledge.
  uint8_t TransferWithRetries(uint8_t request, uint32_t* data);
  uint8_t TransferOnce(uint8_t request, uint32_t* data);

  const ProbePins& probe_;
  DebugPort& port_;
  SwdMaster swd_;
  JtagMaster jtag_;
  WireMaster* master_ = &swd_;  // of the current command
  const std::function<uint32_t()> timer_;
  FaultSchedule<TransferFault> faults_;
  uint64_t ap_writes_ = 0;
  uint16_t wait_retries_ = kDefaultWaitRetries;
  uint16_t match_retries_ = 0;
  uint32_t match_mask_ = 0;
};

}  // namespace probegate::sim
