#include "tests/fakes/fake_board.h"

#include <algorithm>

#include "probe/adi/link.h"
#include "probe/adi/mem_ap.h"
#include "probe/adi/registers.h"

namespace probegate {
namespace {

using namespace adi;  // NOLINT(google-build-using-namespace): every line below names one of its registers

constexpr uint32_t kControlWritable = kPowerRequests | 0xF01;
constexpr unsigned kResetOnes = 50;
constexpr unsigned kTapResetOnes = 5;
constexpr uint32_t kApV2Page = 0xD;  // where the registers are in an APv2, in units of 0x100

}  // namespace

FakeBoard::FakeBoard(const FakeBoardOptions& options) : options_(options), ram_(options.ram_size) { PowerCycle(); }

void FakeBoard::PowerCycle() {
  link_ = Link::kLost;
  ones_ = 0;
  powered_ = 0;
  selected_target_.reset();
  last_selected_.reset();
  if (!options_.target_selects.empty()) last_selected_ = options_.target_selects.front();
  dps_.clear();
  dps_[last_selected_].aps.fill(Ap{.csw = options_.ap_csw});
  for (const uint32_t target : options_.target_selects) dps_[target].aps.fill(Ap{.csw = options_.ap_csw});
}

// An acknowledge follows its request. After DropPower it stays away until power is requested again.
uint32_t FakeBoard::CtrlStat(const Dp& dp) const {
  const uint32_t acks = (dp.control & kPowerRequests & powered_) << 1 & power_acks_;
  return dp.control | acks | always_acknowledged_;
}

std::optional<uint32_t> FakeBoard::DpRegister(uint8_t bank, uint8_t address) const {
  const auto found = dp().banked.find({bank, address});
  if (found == dp().banked.end()) return std::nullopt;
  return found->second;
}

// The accesses that an SW-DP answers even if sticky flags are set (ADIv5.2 §B4.2.4).
bool FakeBoard::AlwaysAnswers(const WireTransfer& transfer) const {
  if (transfer.port == Port::kAp) return false;
  if (jtag_) return true;
  if (!transfer.read) return transfer.address == kDpAbort;
  return transfer.address == kDpIdr || (transfer.address == kDpCtrlStat && (dp().select & 0xF) == 0);
}

FakeBoard::Ack FakeBoard::Run(WireTransfer& transfer) {
  const std::optional<Ack> forced = forced_;
  forced_.reset();
  const bool wakes = transfer.port == Port::kDp && transfer.read && transfer.address == kDpIdr;
  if (forced == Ack::kNone) link_ = Link::kLost;
  if (link_ == Link::kReset && wakes) link_ = Link::kUp;
  if (link_ != Link::kUp) {
    link_ = Link::kLost;
    return Ack::kNone;
  }
  if (forced == Ack::kFault) dp().control |= kStickyErr;
  if (jtag_ && forced == Ack::kWait) return Ack::kWait;
  if (!AlwaysAnswers(transfer)) {
    if (forced == Ack::kWait) return Ack::kWait;
    if (sticky_error()) return Ack::kFault;
  }
  if (transfer.port == Port::kDp) {
    RunDp(transfer);
    return Ack::kOk;
  }
  if ((ctrl_stat() & kDebugPowerAck) == 0) {
    dp().control |= kStickyErr;
    return Ack::kFault;
  }
  if (RunAp(transfer)) return Ack::kOk;
  dp().control |= kStickyErr;
  return transfer.read ? Ack::kReadFailed : Ack::kOk;  // a write is posted
}

void FakeBoard::RunDp(WireTransfer& transfer) {
  const auto bank = static_cast<uint8_t>(dp().select & 0xF);
  const bool select1 = bank == kDpSelect1Bank && DpVersion(options_.dpidr) >= 3;
  if (transfer.read) {
    switch (transfer.address) {
      case kDpIdr:
        transfer.value = bank == 0 ? options_.dpidr : DpRegister(bank, kDpIdr).value_or(0);
        break;
      case kDpCtrlStat:
        transfer.value = bank == 0 ? ctrl_stat() : DpRegister(bank, kDpCtrlStat).value_or(0);
        break;
      default:
        transfer.value = jtag_ ? 0 : dp().read_buffer;
    }
    return;
  }
  switch (transfer.address) {
    case kDpAbort:
      if ((transfer.value & kAbortClearSticky) != 0) dp().control &= ~kStickyErr;
      break;
    case kDpCtrlStat:
      if (bank == 0) {
        dp().control = (dp().control & kStickyErr) | (transfer.value & kControlWritable);
        powered_ |= transfer.value & kPowerRequests;
      }
      if (select1) dp().select1 = transfer.value;
      if (bank != 0 && !select1) dp().banked[{bank, kDpCtrlStat}] = transfer.value;
      break;
    case kDpSelect:
      dp().select = transfer.value;
      break;
    default:
      break;
  }
}

// An ADIv5 AP is selected by APSEL. ADIv6 APs lie 64 KiB apart, with their registers at 0xD00.
std::optional<std::pair<size_t, uint8_t>> FakeBoard::SelectedApRegister(uint8_t address) const {
  const auto offset = static_cast<uint8_t>((dp().select & 0xF0) | address);
  if (DpVersion(options_.dpidr) < 3) {
    const size_t ap = dp().select >> 24;
    return ap < kApCount ? std::optional(std::pair(ap, offset)) : std::nullopt;
  }
  if (dp().select1 != 0 || (dp().select >> 16) >= kApCount || ((dp().select >> 8) & 0xFF) != kApV2Page)
    return std::nullopt;
  return std::pair(size_t{dp().select >> 16}, offset);
}

bool FakeBoard::RunAp(WireTransfer& transfer) {
  if (transfer.read) transfer.value = 0;
  const auto selected = SelectedApRegister(transfer.address);
  if (!selected) return true;
  Ap& ap = dp().aps[selected->first];
  const uint8_t offset = selected->second;
  bool done = true;
  const bool reaches_bus = offset == kApDrw || (offset >= kApBd0 && offset < kApBd0 + 16);
  if (reaches_bus && ((~ap.csw & options_.bus_wants_set) | (ap.csw & options_.bus_wants_clear)) != 0) {
    done = false;
  } else if (offset == kApDrw) {
    done = RunDrw(ap, transfer);
  } else if (offset >= kApBd0 && offset < kApBd0 + 16) {
    done = AccessRam((ap.tar & ~0xFu) | (offset & 0xF), 4, transfer);
  } else if (transfer.read) {
    const std::map<uint8_t, uint32_t> registers = {
        {kApCsw, ap.csw}, {kApTar, ap.tar}, {kApBase, 0xE00FF003}, {kApIdr, options_.ap_idr}};
    const auto found = registers.find(offset);
    transfer.value = found == registers.end() ? 0 : found->second;
  } else if (offset == kApTar) {
    ap.tar = transfer.value;
  } else if (offset == kApCsw) {
    const uint32_t writable = options_.ap_csw_writable;
    ap.csw = (transfer.value & writable) | (options_.ap_csw & ~writable) | kCswDeviceEn;
    const bool packed = (ap.csw & kCswAddrIncMask) == kCswAddrIncPacked;
    if (packed && !options_.packed_transfers) ap.csw &= ~kCswAddrIncMask;
  }
  if (done && transfer.read) dp().read_buffer = transfer.value;
  return done;
}

bool FakeBoard::RunDrw(Ap& ap, WireTransfer& transfer) {
  const uint32_t unit = 1u << (ap.csw & kCswSizeMask);
  const bool packed = (ap.csw & kCswAddrIncMask) == kCswAddrIncPacked;
  const uint32_t units = packed ? 4 / unit : 1;
  for (uint32_t i = 0; i < units; ++i) {
    if (!AccessRam(ap.tar + i * unit, unit, transfer)) return false;
  }
  ap.tar = static_cast<uint32_t>(AdvanceTar(ap.tar, ap.csw, 1, options_.tar_page));
  return true;
}

// Each byte travels in the lane of its address (ADIv5.2 §C2.2.6).
bool FakeBoard::AccessRam(uint32_t address, uint32_t unit, WireTransfer& transfer) {
  const uint64_t offset = uint64_t{address} - options_.ram_base;
  if (address < options_.ram_base || offset + unit > ram_.size()) return false;
  for (uint32_t i = 0; i < unit; ++i) {
    const uint32_t shift = 8 * ((address + i) % 4);
    uint8_t& byte = ram_[offset + i];
    if (transfer.read) {
      transfer.value |= uint32_t{byte} << shift;
    } else {
      byte = static_cast<uint8_t>(transfer.value >> shift);
    }
  }
  return true;
}

void FakeBoard::UseJtag(bool jtag) {
  jtag_ = jtag;
  mode_ = jtag ? Mode::kJtag : Mode::kSwd;
  link_ = Link::kLost;
}

// Whether the `count` clocks before the last `ago` ones were `code`.
bool FakeBoard::Saw(uint64_t code, size_t count, size_t ago) const {
  if (history_.size() < count + ago) return false;
  const size_t first = history_.size() - ago - count;
  for (size_t i = 0; i < count; ++i) {
    if (history_[first + i] != (((code >> i) & 1) != 0)) return false;
  }
  return true;
}

// ADIv5.2 §B5.3. Of the selection alert only the second half is looked at.
void FakeBoard::ClockSwitch(bool bit) {
  constexpr size_t kLongest = 160;
  constexpr uint64_t kAlertEnd = 0x19BC0EA2E3DDAFE9;
  constexpr uint64_t kOnes = (uint64_t{1} << kResetOnes) - 1;
  history_.push_back(bit);
  if (history_.size() > kLongest) history_.pop_front();
  const Mode before = mode_;
  switch (mode_) {
    case Mode::kSwd:
      if (Saw(0xE73C, 16, 0) && Saw(kOnes, kResetOnes, 16)) mode_ = Mode::kJtag;
      if (Saw(0xE3BC, 16, 0) && Saw(kOnes, kResetOnes, 16)) mode_ = Mode::kDormant;
      break;
    case Mode::kJtag:
      if (Saw(0xE79E, 16, 0) && Saw(kOnes, kResetOnes, 16)) mode_ = Mode::kSwd;
      if (Saw(0x33BBBBBA, 31, 0) && Saw(kOnes, kTapResetOnes, 31)) mode_ = Mode::kDormant;
      break;
    case Mode::kDormant:  // four low clocks and the activation code
      if (Saw(0x1A0, 12, 0) && Saw(kAlertEnd, 64, 12)) mode_ = Mode::kSwd;
      if (Saw(0x0A0, 12, 0) && Saw(kAlertEnd, 64, 12)) mode_ = Mode::kJtag;
      break;
  }
  if (mode_ != before) history_.clear();
}

void FakeBoard::ClockJtag(size_t bit_count, absl::Span<const uint8_t> bits) {
  for (size_t i = 0; i < bit_count; ++i) {
    const bool one = ((bits[i / 8] >> (i % 8)) & 1) != 0;
    if (one) link_ = Link::kLost;
    if (!one && ones_ >= kTapResetOnes) link_ = Link::kUp;
    ones_ = one ? ones_ + 1 : 0;
  }
}

void FakeBoard::Clock(size_t bit_count, absl::Span<const uint8_t> bits) {
  if (jtag_) return ClockJtag(bit_count, bits);
  for (size_t i = 0; i < bit_count; ++i) {
    const bool one = ((bits[i / 8] >> (i % 8)) & 1) != 0;
    ClockSwitch(one);
    if (mode_ != Mode::kSwd) {
      link_ = Link::kLost;
      ones_ = 0;
      continue;
    }
    if (one) {
      if (link_ != Link::kHigh) link_ = Link::kLost;
      if (++ones_ >= kResetOnes) link_ = Link::kHigh;
      continue;
    }
    ones_ = 0;
    if (link_ == Link::kOneIdle) {
      link_ = options_.target_selects.empty() ? Link::kReset : Link::kLost;
      selected_target_.reset();
      dp().select &= ~0xFu;
    }
    if (link_ == Link::kHigh) link_ = Link::kOneIdle;
  }
  const std::optional<uint32_t> target = EffectOf(bits, bit_count).target_select;
  if (mode_ == Mode::kSwd && link_ != Link::kUp && target &&
      std::find(options_.target_selects.begin(), options_.target_selects.end(), *target) !=
          options_.target_selects.end()) {
    link_ = Link::kReset;
    selected_target_ = last_selected_ = target;
  }
}

}  // namespace probegate
