#include "tests/fakes/fake_jtag_chain.h"

#include <algorithm>
#include <numeric>

namespace probegate {
namespace {

using enum adi::TapState;

constexpr uint8_t kTms = 1u << 6;
constexpr uint8_t kCaptureTdo = 1u << 7;
constexpr uint8_t kNoAnswer = 7;

void Append(std::vector<bool>& bits, uint64_t value, size_t count) {
  for (size_t i = 0; i < count; ++i) bits.push_back((value >> i & 1) != 0);
}

}  // namespace

void FakeJtagChain::Reset() {
  bypass_.assign(taps_.size(), false);
  after_reset_.assign(taps_.size(), true);
}

void FakeJtagChain::Capture(bool ir) {
  shift_.clear();
  for (size_t i = 0; i < taps_.size(); ++i) {
    const FakeTap& tap = taps_[i];
    if (ir) {
      Append(shift_, tap.captured, tap.ir_length);
    } else if (after_reset_[i] && tap.idcode) {
      Append(shift_, *tap.idcode, 32);
    } else {
      Append(shift_, 0, 1);
    }
  }
}

void FakeJtagChain::Update() {
  auto bit = shift_.begin();
  for (size_t i = 0; i < taps_.size(); ++i) {
    const auto end = bit + taps_[i].ir_length;
    bypass_[i] = std::all_of(bit, end, [](bool one) { return one; });
    after_reset_[i] = false;
    bit = end;
  }
}

bool FakeJtagChain::harmless() const {
  for (size_t i = 0; i < taps_.size(); ++i) {
    if (!bypass_[i] && !after_reset_[i]) return false;
  }
  return true;
}

bool FakeJtagChain::Clock(bool tms, bool tdi) {
  if (!selected_) return true;
  const bool shifting = state_ == kShiftDr || state_ == kShiftIr;
  const bool tdo = stuck_.value_or(!shifting || shift_.front());
  if (shifting) {
    shift_.erase(shift_.begin());
    shift_.push_back(tdi);
  }
  if (state_ == kCaptureDr || state_ == kCaptureIr) Capture(state_ == kCaptureIr);
  state_ = adi::NextTapState(state_, tms);
  if (state_ == kTestLogicReset) Reset();
  if (state_ == kUpdateIr) Update();
  return tdo;
}

std::vector<uint8_t> FakeJtagProbe::Info(uint8_t id) const {
  switch (id) {
    case 0x03:
      return {0x00, 2, 'S', 0};
    case 0xF0:
      return {0x00, 1, 0x03};
    case 0xFE:
      return {0x00, 1, 2};
    case 0xFF:
      return {0x00, 2, kPacketSize, 0};
    default:
      return {0x00, 0};
  }
}

std::vector<uint8_t> FakeJtagProbe::Sequence(const std::vector<uint8_t>& request) {
  std::vector<uint8_t> reply = {request[0], 0};
  size_t at = 2;
  for (unsigned left = request[1]; left != 0; --left) {
    const uint8_t info = request[at++];
    const size_t cycles = (info & 63) == 0 ? 64 : info & 63;
    uint8_t tdo = 0;
    for (size_t i = 0; i < cycles; ++i) {
      const bool out = chain_.Clock((info & kTms) != 0, (request[at + i / 8] >> (i % 8) & 1) != 0);
      tdo = static_cast<uint8_t>(tdo | (out ? 1 : 0) << (i % 8));
      if ((i % 8 != 7 && i + 1 != cycles) || (info & kCaptureTdo) == 0) continue;
      reply.push_back(tdo);
      tdo = 0;
    }
    at += (cycles + 7) / 8;
  }
  return reply;
}

bool FakeJtagProbe::Reaches(uint8_t device) const {
  const std::vector<FakeTap>& taps = chain_.taps();
  if (device != dap_ || configured_.size() != taps.size() || !chain_.idle()) return false;
  const auto real = [&](size_t first, size_t end) {
    return std::accumulate(taps.begin() + static_cast<std::ptrdiff_t>(first),
                           taps.begin() + static_cast<std::ptrdiff_t>(end), 0,
                           [](int sum, const FakeTap& tap) { return sum + tap.ir_length; });
  };
  const auto told = [&](size_t first, size_t end) {
    return std::accumulate(configured_.begin() + static_cast<std::ptrdiff_t>(first),
                           configured_.begin() + static_cast<std::ptrdiff_t>(end), 0);
  };
  return told(0, dap_) == real(0, dap_) && configured_[dap_] == taps[dap_].ir_length &&
         told(dap_ + 1, taps.size()) == real(dap_ + 1, taps.size());
}

std::vector<std::vector<uint8_t>> FakeJtagProbe::operator()(const std::vector<uint8_t>& request) {
  switch (request[0]) {
    case 0x00:
      return {Info(request[1])};
    case 0x02:
      return {{request[0], request[1]}};
    case 0x05:  // transfers, of which the first is a read
      if (!Reaches(request[1])) return {{request[0], 1, kNoAnswer}};
      return {{request[0], request[2], 1, 0x77, 0x14, 0xA0, 0x2B}};
    case 0x12:
      for (size_t i = 0; i < request[1]; ++i) chain_.Clock((request[2 + i / 8] >> (i % 8) & 1) != 0, true);
      return {{request[0], 0}};
    case 0x14:
      return {Sequence(request)};
    case 0x15:
      if (request[1] > most_devices_) return {{request[0], 0xFF}};
      configured_.assign(request.begin() + 2, request.end());
      return {{request[0], 0}};
    default:
      return {{request[0], 0}};
  }
}

}  // namespace probegate
