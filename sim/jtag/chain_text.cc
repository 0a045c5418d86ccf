#include "sim/jtag/chain_text.h"

#include <charconv>
#include <optional>
#include <stdexcept>
#include <utility>

#include "spdlog/fmt/fmt.h"

namespace probegate::sim {
namespace {

constexpr size_t kMaxTaps = 32;
constexpr unsigned kMinInstructionBits = 2;  // IEEE 1149.1 §7.1.1

std::optional<uint32_t> ParseNumber(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, hex ? 16 : 10);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

OtherTap::Settings ParseTap(std::string_view text) {
  const size_t colon = text.find(':');
  const std::optional<uint32_t> bits = ParseNumber(text.substr(0, colon));
  if (!bits || *bits < kMinInstructionBits || *bits > Tap::kMaxBits) {
    throw std::invalid_argument(
        fmt::format("--jtag-chain: '{}' is neither 'dap' nor the length of an instruction register ({} to {}), with an "
                    "IDCODE after a colon",
                    text, kMinInstructionBits, Tap::kMaxBits));
  }
  if (colon == std::string_view::npos) return {*bits, std::nullopt};
  const std::optional<uint32_t> idcode = ParseNumber(text.substr(colon + 1));
  // §12.1.1: a TAP without IDCODE answers a zero in place of this bit; and all ones are not an IDCODE.
  if (!idcode || (*idcode & 1) == 0 || *idcode == UINT32_MAX) {
    throw std::invalid_argument(
        fmt::format("--jtag-chain: '{}' has no valid IDCODE: a number of 32 bits, the lowest of which is 1", text));
  }
  return {*bits, idcode};
}

}  // namespace

OtherTaps ParseJtagChain(std::string_view text) {
  OtherTaps others;
  bool dap = false;
  for (;;) {
    const size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    if (word != "dap") {
      (dap ? others.after : others.before).push_back(ParseTap(word));
    } else if (std::exchange(dap, true)) {
      throw std::invalid_argument("--jtag-chain: 'dap' is there twice, but a board has one");
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (!dap) throw std::invalid_argument("--jtag-chain: name the place of the board's own TAP, with 'dap'");
  if (others.before.size() + others.after.size() >= kMaxTaps) {
    throw std::invalid_argument(fmt::format("--jtag-chain: more than {} TAPs", kMaxTaps));
  }
  return others;
}

}  // namespace probegate::sim
