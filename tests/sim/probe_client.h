// A client of a simulated probe, for tests: passes packets to the probe directly, without a transport.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "sim/board.h"

namespace probegate::sim {

using Bytes = std::vector<uint8_t>;

inline void Append32(Bytes& bytes, uint32_t value) {
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

inline uint32_t Word(const Bytes& bytes, size_t at) {
  return bytes.at(at) | bytes.at(at + 1) << 8 | bytes.at(at + 2) << 16 | static_cast<uint32_t>(bytes.at(at + 3)) << 24;
}

// A request of DAP_Transfer; the value is sent for writes and matches.
struct Op {
  uint8_t request;
  uint32_t value = 0;
};
inline constexpr Op kReadDpidr{0x2};
inline constexpr Op kReadCtrlStat{0x6};
inline constexpr Op kReadRdbuff{0xE};
inline constexpr Op kReadResend{0xA};
inline constexpr Op kReadDrw{0xF};
inline constexpr Op WriteAbort(uint32_t value) { return {0x0, value}; }
inline constexpr Op WriteCtrlStat(uint32_t value) { return {0x4, value}; }
inline constexpr Op WriteSelect(uint32_t value) { return {0x8, value}; }
inline constexpr Op WriteCsw(uint32_t value) { return {0x1, value}; }
inline constexpr Op WriteTar(uint32_t value) { return {0x5, value}; }
inline constexpr Op WriteDrw(uint32_t value) { return {0xD, value}; }
inline constexpr uint32_t kCsw32 = 0x23000052;  // words, TAR increments
inline constexpr uint32_t kPowerUp = 0x50000000;

struct Outcome {
  unsigned count = 0;
  unsigned ack = 0;
  std::vector<uint32_t> words;
};

struct ProbeClient {
  Board board{0, 1, "T"};

  // Returns the reply to a packet; empty unless there is exactly one.
  Bytes Command(const Bytes& packet) {
    const std::span<const Reply> replies = board.device().Process(packet);
    if (replies.size() != 1) return {};
    const std::span<const uint8_t> reply = replies[0].bytes();
    return Bytes(reply.begin(), reply.end());
  }

  static Bytes TransferPacket(const std::vector<Op>& ops) {
    Bytes packet = {0x05, 0, static_cast<uint8_t>(ops.size())};
    for (const Op& op : ops) {
      packet.push_back(op.request);
      if ((op.request & 0x2) == 0 || (op.request & 0x10) != 0) Append32(packet, op.value);
    }
    return packet;
  }

  Outcome Transfer(const std::vector<Op>& ops) {
    const Bytes reply = Command(TransferPacket(ops));
    Outcome outcome{reply.at(1), reply.at(2), {}};
    for (size_t at = 3; at + 4 <= reply.size(); at += 4) outcome.words.push_back(Word(reply, at));
    return outcome;
  }

  uint32_t Read(const Op& op) {
    const Outcome outcome = Transfer({op});
    return outcome.words.empty() ? 0 : outcome.words[0];
  }

  // DAP_SWJ_Sequence, least significant bit of the first byte first.
  void Sequence(unsigned bits, const Bytes& data) {
    Bytes packet = {0x12, static_cast<uint8_t>(bits)};
    packet.insert(packet.end(), data.begin(), data.end());
    Command(packet);
  }
  void Ones(unsigned count) { Sequence(count, Bytes((count + 7) / 8, 0xFF)); }
  void Zeros(unsigned count) { Sequence(count, Bytes((count + 7) / 8, 0x00)); }
  void LineReset() {
    Ones(51);
    Zeros(8);
  }
  void Connect() { Command({0x02, 1}); }
  void JtagToSwd() {
    Ones(56);
    Sequence(16, {0x9E, 0xE7});
    LineReset();
  }

  // Connects by SWD, powers up the DP and sets the AP for words.
  void Attach() {
    Connect();
    JtagToSwd();
    Transfer({kReadDpidr, WriteAbort(0x1E), WriteSelect(0), WriteCtrlStat(kPowerUp), WriteCsw(kCsw32)});
  }
};

}  // namespace probegate::sim
