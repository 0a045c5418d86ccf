#include "probe/cmsis_dap/jtag_search.h"

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "probe/cmsis_dap/jtag_commands.h"

namespace probegate::cmsis_dap {

absl::StatusOr<JtagChain> FindJtagChain(Channel& channel, size_t packet_size, uint32_t hertz,
                                        const JtagChainSetting& setting) {
  const size_t bytes = JtagScan::MaxBytes(packet_size);
  const auto ask = [&](const JtagScan& scan) {
    return channel.Ask(scan, std::chrono::microseconds(scan.cycles() * 1'000'000 / hertz));
  };

  const std::vector<uint8_t> ones(bytes, 0xFF);
  const auto data = ask({.instructions = false, .tdi = ones});
  if (!data.ok()) return data.status();
  absl::StatusOr<JtagTaps> taps = ReadTaps(*data);
  if (!taps.ok()) return taps.status();
  if (std::optional<JtagChain> chain = ChainWithoutIrScan(*taps, setting)) return *std::move(chain);

  const std::vector<uint8_t> marker = IrScanTdi(bytes);
  const auto instructions = ask({.instructions = true, .tdi = marker});
  if (!instructions.ok()) return instructions.status();
  return ChainFromIrScan(*std::move(taps), setting, *instructions);
}

}  // namespace probegate::cmsis_dap
