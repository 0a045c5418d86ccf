// A CMSIS-DAP device with pins, for FakeTransport: what it does to nRESET, which clocks it takes, and which commands it
// refuses. It reads zeros from every register.
//
// As Arm's firmware does, it drives its pins from DAP_Connect, which sets nRESET high, to DAP_Disconnect, after which
// nRESET is high because the board pulls it up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/fakes/fake_transport.h"

namespace probegate {

struct FakeDap {
  using Packet = FakeTransport::Packet;
  enum class Reads : uint8_t { kLevel, kAlwaysLow, kAlwaysHigh };

  // What the device is.
  bool own_reset = false;       // it has a reset sequence of its own
  Reads reads = Reads::kLevel;  // what its nRESET input says
  uint32_t lowest_clock = 1;
  uint32_t highest_clock = UINT32_MAX;
  std::map<uint8_t, Packet> refusals;  // by command, the reply that it gives instead of its own
  std::vector<uint8_t> lost;           // commands that it carries out without replying

  // What it does now.
  uint8_t port = 0;  // 1: SWD, 2: JTAG
  bool reset_low = false;
  bool stuck_low = false;  // something else holds nRESET
  bool waits = false;      // every transfer is answered with WAIT, until one writes ABORT
  int falls = 0;           // of nRESET
  int pin_writes_without_effect = 0;
  uint32_t clock = 0;

  FakeTransport::Device device() {
    return [this](const Packet& request) { return Answer(request); };
  }

  // As after its power was switched off and on.
  void PowerCycle() {
    port = 0;
    reset_low = false;
    clock = 0;
  }

 private:
  std::vector<Packet> Answer(const Packet& request) {
    if (const auto refused = refusals.find(request[0]); refused != refusals.end()) return {refused->second};
    std::vector<Packet> replies = Run(request);
    return std::find(lost.begin(), lost.end(), request[0]) == lost.end() ? replies : std::vector<Packet>();
  }

  std::vector<Packet> Run(const Packet& request) {
    switch (request[0]) {
      case 0x00:  // DAP_Info
        return {Info(request[1])};
      case 0x02:  // DAP_Connect
        port = request[1];
        reset_low = false;
        return {{0x02, port}};
      case 0x03:  // DAP_Disconnect
        port = 0;
        reset_low = false;
        return {{0x03, 0}};
      case 0x05: {  // DAP_Transfer
        waits = waits && request[3] != 0;
        if (waits) return {{0x05, 0, 2}};
        Packet reply = {0x05, request[2], 1};
        reply.resize(3 + 4 * request[2]);
        return {reply};
      }
      case 0x06: {  // DAP_TransferBlock
        Packet reply = {0x06, request[2], request[3], 1};
        if ((request[4] & 2) != 0) reply.resize(4 + 4 * (request[2] + 256u * request[3]));
        return {reply};
      }
      case 0x07:  // DAP_TransferAbort
        return {};
      case 0x0A:  // DAP_ResetTarget
        return {{0x0A, 0, static_cast<uint8_t>(own_reset)}};
      case 0x10:  // DAP_SWJ_Pins
        return {{0x10, Pins(request[1], request[2])}};
      case 0x11:  // DAP_SWJ_Clock
        return {{0x11, TakesClock(request)}};
      default:
        return {{request[0], 0}};
    }
  }

  uint8_t Pins(uint8_t output, uint8_t select) {
    constexpr uint8_t kReset = 0x80;
    if ((select & kReset) != 0 && port == 0) ++pin_writes_without_effect;
    if ((select & kReset) != 0 && port != 0) {
      const bool low = (output & kReset) == 0;
      falls += low && !reset_low ? 1 : 0;
      reset_low = low;
    }
    const bool level_low = reset_low || stuck_low;
    const bool low = reads == Reads::kLevel ? level_low : reads == Reads::kAlwaysLow;
    return low ? 0x0F : 0x8F;
  }

  uint8_t TakesClock(const Packet& request) {
    uint32_t hertz = 0;
    for (unsigned i = 0; i < 4; ++i) hertz |= static_cast<uint32_t>(request[1 + i]) << (8 * i);
    if (hertz < lowest_clock || hertz > highest_clock) return 0xFF;
    clock = hertz;
    return 0;
  }

  static Packet Info(uint8_t id) {
    switch (id) {
      case 0x03:
        return Text("S1");
      case 0x04:
        return Text("2.1.1");
      case 0xF0:
        return {0x00, 1, 0x03};  // SWD and JTAG
      case 0xFE:
        return {0x00, 1, 4};
      case 0xFF:
        return {0x00, 2, 0x00, 0x02};
      default:
        return Text("x");
    }
  }

  static Packet Text(const std::string& text) {
    Packet reply(2 + text.size() + 1);
    reply[1] = static_cast<uint8_t>(text.size() + 1);
    std::copy(text.begin(), text.end(), reply.begin() + 2);
    return reply;
  }
};

}  // namespace probegate
