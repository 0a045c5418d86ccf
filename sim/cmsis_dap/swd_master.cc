#include "sim/cmsis_dap/swd_master.h"

#include <bit>

#include "sim/cmsis_dap/protocol.h"

namespace probegate::sim {
namespace {

constexpr unsigned kDataPhaseClocks = 33;

}  // namespace

void SwdMaster::Float(unsigned clocks) {
  for (; clocks != 0; --clocks) pins_.Clock(false, true);
}

void SwdMaster::Drive(unsigned clocks, bool level) {
  for (; clocks != 0; --clocks) pins_.Clock(true, level);
}

uint8_t SwdMaster::Transfer(uint8_t request, uint32_t* data, bool spoil_parity) {
  const bool read = (request & kTransferRead) != 0;
  SendRequest(request, spoil_parity);
  Float(settings_.turnaround);
  uint8_t ack = 0;
  for (unsigned bit = 0; bit < 3; ++bit) ack = static_cast<uint8_t>(ack | pins_.Clock(false, true) << bit);

  if (ack == kAckOk) {
    if (read) {
      ack = ReadData(data);
      Float(settings_.turnaround);
    } else {
      Float(settings_.turnaround);
      WriteData(*data);
    }
    Drive(settings_.idle_cycles, false);
  } else if (ack == kAckWait || ack == kAckFault) {
    if (settings_.data_phase && read) Float(kDataPhaseClocks);
    Float(settings_.turnaround);
    if (settings_.data_phase && !read) Drive(kDataPhaseClocks, false);
  } else {
    // No acknowledge, or not a valid one: keep off the wire for as long as a data phase could last.
    Float(settings_.turnaround + kDataPhaseClocks);
  }
  return ack;
}

void SwdMaster::SendRequest(uint8_t request, bool spoil_parity) {
  const uint8_t bits = request & (kTransferAp | kTransferRead | kTransferAddress);
  Drive(1, true);  // start
  for (unsigned bit = 0; bit < 4; ++bit) Drive(1, (bits >> bit & 1) != 0);
  Drive(1, (std::popcount(bits) % 2 != 0) != spoil_parity);
  Drive(1, false);  // stop
  Drive(1, true);   // park
}

uint8_t SwdMaster::ReadData(uint32_t* data) {
  uint32_t value = 0;
  for (unsigned bit = 0; bit < 32; ++bit) value |= static_cast<uint32_t>(pins_.Clock(false, true)) << bit;
  const bool parity = pins_.Clock(false, true);
  *data = value;
  return parity == (std::popcount(value) % 2 != 0) ? kAckOk : kAckProtocolError;
}

void SwdMaster::WriteData(uint32_t data) {
  for (unsigned bit = 0; bit < 32; ++bit) Drive(1, (data >> bit & 1) != 0);
  Drive(1, std::popcount(data) % 2 != 0);
}

}  // namespace probegate::sim
