#include "sim/cmsis_dap/jtag_master.h"

#include <algorithm>
#include <numeric>

#include "sim/cmsis_dap/protocol.h"

namespace probegate::sim {
namespace {

constexpr uint8_t kAbort = 0x8;
constexpr uint8_t kDpacc = 0xA;
constexpr uint8_t kApacc = 0xB;
constexpr uint8_t kIdcode = 0xE;

constexpr bool kLow = false;
constexpr bool kHigh = true;

}  // namespace

bool JtagMaster::Configure(std::span<const uint8_t> instruction_bits) {
  if (instruction_bits.size() > kMaxDevices) return false;
  std::copy(instruction_bits.begin(), instruction_bits.end(), instruction_bits_.begin());
  device_count_ = instruction_bits.size();
  return true;
}

bool JtagMaster::Begin(uint8_t device) {
  device_ = device;
  instruction_.reset();
  return device < device_count_;
}

// All other devices get the instruction BYPASS, which is all ones.
void JtagMaster::Select(uint8_t instruction) {
  if (instruction_ == instruction) return;
  instruction_ = instruction;
  Cycles(2, kHigh, kHigh);  // Select-DR-Scan, Select-IR-Scan
  Cycles(2, kLow, kHigh);   // Capture-IR, Shift-IR
  const auto lengths = std::span(instruction_bits_).first(device_count_);
  const auto sum = [](auto span) { return std::accumulate(span.begin(), span.end(), 0u); };
  const unsigned before = sum(lengths.first(device_));
  const unsigned total = sum(lengths);
  for (unsigned bit = 0; bit < total; ++bit) {
    const unsigned own = bit - before;  // wraps around for bits before the device's
    // Other devices get ones, which is BYPASS.
    const bool bypass = own >= lengths[device_];
    const bool level = bypass || (own < 8 && (instruction >> own & 1) != 0);
    Cycle(bit + 1 == total, level);
  }
  Cycle(kHigh, kHigh);  // Update-IR
  Cycle(kLow, kHigh);   // Run-Test/Idle
}

// Shifts to the first bit of the device's register, past the bypass bits of the devices nearer to TDO.
void JtagMaster::EnterShiftDr() {
  Cycle(kHigh, kHigh);     // Select-DR-Scan
  Cycles(2, kLow, kHigh);  // Capture-DR, Shift-DR
  Cycles(static_cast<unsigned>(device_), kLow, kHigh);
}

// Leaves Shift-DR, after shifting `last_bit` and a bypass bit for each device further from TDO.
void JtagMaster::LeaveShiftDr(bool last_bit) {
  const auto further = static_cast<unsigned>(device_count_ - device_ - 1);
  Cycle(further == 0, last_bit);
  if (further != 0) {
    Cycles(further - 1, kLow, kHigh);
    Cycle(kHigh, kHigh);
  }
}

uint8_t JtagMaster::Transfer(uint8_t request, uint32_t* data, bool spoiled) {
  if (spoiled) pins_.DisturbJtag();
  Select((request & kTransferAp) != 0 ? kApacc : kDpacc);
  EnterShiftDr();
  const bool read = (request & kTransferRead) != 0;
  unsigned ack = 0;
  for (unsigned bit = 0; bit < 3; ++bit) {
    ack |= static_cast<unsigned>(Cycle(kLow, (request >> (bit + 1) & 1) != 0)) << bit;
  }
  // On the wire OK/FAULT is 010 and WAIT 001; DAP_Transfer has them swapped.
  ack = (ack & 4) | (ack & 1) << 1 | (ack >> 1 & 1);
  if (ack == kAckOk) {
    uint32_t value = 0;
    for (unsigned bit = 0; bit < 32; ++bit) {
      const bool out = read || (*data >> bit & 1) != 0;
      // The last bit is sampled in the cycle that leaves Shift-DR.
      value |= static_cast<uint32_t>(bit < 31 ? Cycle(kLow, out) : pins_.tdo()) << bit;
      if (bit == 31) LeaveShiftDr(out);
    }
    if (read) *data = value;
  } else {
    Cycle(kHigh, kHigh);  // Exit1-DR
  }
  Cycle(kHigh, kHigh);  // Update-DR
  Cycles(1 + idle_cycles_, kLow, kHigh);
  return static_cast<uint8_t>(ack);
}

void JtagMaster::WriteAbort(uint32_t value) {
  Select(kAbort);
  EnterShiftDr();
  Cycles(3, kLow, kLow);  // RnW, A[3:2]
  for (unsigned bit = 0; bit < 31; ++bit) Cycle(kLow, (value >> bit & 1) != 0);
  LeaveShiftDr(value >> 31 != 0);
  Cycle(kHigh, kHigh);  // Update-DR
  Cycle(kLow, kHigh);
}

uint32_t JtagMaster::ReadIdcode() {
  Select(kIdcode);
  EnterShiftDr();
  uint32_t value = 0;
  for (unsigned bit = 0; bit < 31; ++bit) value |= static_cast<uint32_t>(Cycle(kLow, kHigh)) << bit;
  value |= static_cast<uint32_t>(Cycle(kHigh, kHigh)) << 31;
  Cycle(kHigh, kHigh);  // Update-DR
  Cycle(kLow, kHigh);
  return value;
}

}  // namespace probegate::sim
