#include "sim/board.h"

#include <random>

#include "spdlog/fmt/fmt.h"

namespace probegate::sim {
namespace {

// Derives a different number for each board and purpose from one seed.
uint64_t Derive(uint64_t seed, unsigned index, unsigned purpose) {
  std::seed_seq sequence{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), index, purpose};
  return std::mt19937_64(sequence)();
}

std::function<uint32_t()> MicrosecondTimer() {
  return [start = std::chrono::steady_clock::now()] {
    const auto elapsed = std::chrono::steady_clock::now() - start;
    return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count());
  };
}

}  // namespace

std::string BoardSerial(unsigned index, uint64_t seed, const std::string& prefix) {
  return fmt::format("{}{:04d}{:08X}", prefix, index, static_cast<uint32_t>(Derive(seed, index, 0)));
}

Board::Board(unsigned index, uint64_t seed, const std::string& serial_prefix, const FlashContents& contents,
             const ChipSettings& settings)
    : chip_(Derive(seed, index, 1), contents, settings),
      device_(chip_, BoardSerial(index, seed, serial_prefix), MicrosecondTimer()) {}

void Board::SetQuirks(std::span<const QuirkSetting> settings) {
  const Quirks quirks = MakeQuirks(settings);
  quirk_settings_.assign(settings.begin(), settings.end());
  const uint64_t now = reply_faults_.operations();
  if (quirks.link.stale_reply != link_.quirks.stale_reply) link_.stale_reply = now + quirks.link.stale_reply;
  if (quirks.link.repeated_reply != link_.quirks.repeated_reply) {
    link_.repeated_reply = now + quirks.link.repeated_reply;
  }
  link_.quirks = quirks.link;
  device_.set_quirks(quirks.commands);
  chip_.set_quirks(quirks.target);
}

std::optional<ReplyFault> Board::NextReplyFault() {
  const std::optional<ReplyFault> injected = reply_faults_.Next();
  if (injected) return injected;
  const uint64_t reply = reply_faults_.operations();
  if (link_.quirks.stale_reply != 0 && reply == link_.stale_reply) return ReplyFault{ReplyFault::Kind::kStale};
  if (link_.quirks.repeated_reply != 0 && reply == link_.repeated_reply) return ReplyFault{ReplyFault::Kind::kRepeat};
  return std::nullopt;
}

}  // namespace probegate::sim
