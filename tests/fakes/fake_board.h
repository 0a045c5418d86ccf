// A simulated target at the level of registers: an SW-DP and two MEM-APs in front of one RAM.
//
// It follows the rules that users of a probe depend on: nothing answers before a line reset and a read of DPIDR; AP
// accesses need power and no sticky error; an AP write is acknowledged before it fails; TAR counts and wraps; the
// sequences of ADIv5.2 §B5.3 switch it between SWD, JTAG and dormant state. It is made for tests of sharing, in which
// answers must be exact and a failure must happen at one transfer and no other.
//
// Threads: it has none of its own and no lock; FakeWire guards it.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "probe/adi/registers.h"
#include "probe/probe.h"

namespace probegate {

struct FakeBoardOptions {
  uint32_t dpidr = 0x2BA01477;  // version 3 (bits 15:12) makes it an ADIv6 part: see below
  // A multi-drop wire has one DP for each of these, with APs of its own. It answers only once TARGETSEL has been
  // written with this value after a line reset.
  std::vector<uint32_t> target_selects;
  uint32_t ap_idr = 0x24770011;
  uint32_t ap_csw = 0x23000042;           // what CSW holds from power-up
  uint32_t ap_csw_writable = 0x2F000037;  // its other bits keep their value
  // An access to the bus fails unless these bits of CSW are set, and those are clear.
  uint32_t bus_wants_set = 0;
  uint32_t bus_wants_clear = 0;
  bool packed_transfers = false;
  uint32_t tar_page = 4096;
  uint32_t ram_base = 0x20000000;  // all other addresses fault
  uint32_t ram_size = 64 * 1024;
};

// One register transfer as a probe's caller sees it.
struct WireTransfer {
  Port port = Port::kDp;
  uint8_t address = 0;
  bool read = false;
  uint32_t value = 0;  // written or read

  bool operator==(const WireTransfer&) const = default;
};

class FakeBoard {
 public:
  // kReadFailed: also a FAULT, for a read that was accepted and then failed on the bus.
  enum class Ack : uint8_t { kOk, kWait, kFault, kReadFailed, kNone };

  static constexpr size_t kApCount = 2;

  explicit FakeBoard(const FakeBoardOptions& options);

  // Carries out `transfer`, and fills in the `value` of a read.
  Ack Run(WireTransfer& transfer);

  // Answers `ack` to the next transfer instead of its own answer: kFault as a STICKYERR set before it, kNone with the
  // link lost. Registers that always answer are not affected.
  void ForceNext(Ack ack) { forced_ = ack; }

  // Sets the protocol of the pins from now on. Over JTAG the link is up once five ones have led to Test-Logic-Reset and
  // a zero out of it, and lost by any other ones; there is no DPIDR to read first, RDBUFF is zero, and only accesses to
  // APs get FAULT.
  void UseJtag(bool jtag);

  // Clocks on SWDIO/TMS, captured ones as zeros.
  void Clock(size_t bit_count, absl::Span<const uint8_t> bits);

  // LoseLink: the target loses its link, as after a power glitch. PowerCycle: it loses all its state.
  void LoseLink() { link_ = Link::kLost; }
  void PowerCycle();

  // DropPower: it loses its power domains for debugging, but not its link.
  void DropPower() { powered_ = 0; }
  // It acknowledges system power from now on, whether or not it is requested.
  void KeepSystemPowered() { always_acknowledged_ = adi::kSystemPowerAck; }
  // Which of the acknowledge bits in CTRL/STAT it gives when asked; all at first.
  void SetPowerAcks(uint32_t acks) { power_acks_ = acks; }

  // Of the DP that is selected, or was last; `ctrl_stat` also of another one.
  bool sticky_error() const { return (dp().control & adi::kStickyErr) != 0; }
  uint32_t select() const { return dp().select; }
  std::optional<uint32_t> selected_target() const { return selected_target_; }
  uint32_t ctrl_stat() const { return CtrlStat(dp()); }
  uint32_t ctrl_stat(uint32_t target) const { return CtrlStat(dps_.at(target)); }
  uint32_t csw(size_t ap) const { return dp().aps[ap].csw; }
  uint32_t tar(size_t ap) const { return dp().aps[ap].tar; }
  std::vector<uint8_t>& ram() { return ram_; }
  const std::vector<uint8_t>& ram() const { return ram_; }

  // Sets the value of a banked DP register other than CTRL/STAT, by DPBANKSEL and address. Others read as zero.
  void SetDpRegister(uint8_t bank, uint8_t address, uint32_t value) { dp().banked[{bank, address}] = value; }
  std::optional<uint32_t> DpRegister(uint8_t bank, uint8_t address) const;

 private:
  enum class Link : uint8_t { kLost, kHigh, kOneIdle, kReset, kUp };
  enum class Mode : uint8_t { kSwd, kJtag, kDormant };
  struct Ap {
    uint32_t csw = 0;
    uint32_t tar = 0;
  };
  struct Dp {
    uint32_t control = 0;
    uint32_t select = 0;
    uint32_t select1 = 0;
    uint32_t read_buffer = 0;
    std::map<std::pair<uint8_t, uint8_t>, uint32_t> banked;
    std::array<Ap, kApCount> aps;
  };

  Dp& dp() { return dps_.at(last_selected_); }
  const Dp& dp() const { return dps_.at(last_selected_); }
  uint32_t CtrlStat(const Dp& dp) const;
  void ClockSwitch(bool bit);
  bool Saw(uint64_t code, size_t count, size_t ago) const;

  bool AlwaysAnswers(const WireTransfer& transfer) const;
  void ClockJtag(size_t bit_count, absl::Span<const uint8_t> bits);
  void RunDp(WireTransfer& transfer);
  bool RunAp(WireTransfer& transfer);
  bool RunDrw(Ap& ap, WireTransfer& transfer);
  bool AccessRam(uint32_t address, uint32_t unit, WireTransfer& transfer);
  std::optional<std::pair<size_t, uint8_t>> SelectedApRegister(uint8_t address) const;

  const FakeBoardOptions options_;
  bool jtag_ = false;
  Link link_ = Link::kLost;
  unsigned ones_ = 0;
  Mode mode_ = Mode::kSwd;    // while the probe is connected for SWD
  std::deque<bool> history_;  // of the clocks on SWDIO, for the sequences that switch
  std::optional<uint32_t> selected_target_;
  std::optional<uint32_t> last_selected_;
  std::map<std::optional<uint32_t>, Dp> dps_;
  uint32_t power_acks_ = adi::kPowerBits;
  uint32_t always_acknowledged_ = 0;
  uint32_t powered_ = 0;  // power requests that have been carried out
  std::vector<uint8_t> ram_;
  std::optional<Ack> forced_;
};

}  // namespace probegate
