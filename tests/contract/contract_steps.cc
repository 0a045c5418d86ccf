#include <array>

#include "probe/adi/link.h"
#include "probe/adi/registers.h"
#include "tests/contract/probe_contract.h"

namespace probegate::contract {

TransferOp Write(Port port, uint8_t address, absl::Span<const uint32_t> words) {
  return {.port = port, .address = address, .write = words};
}

TransferOp Read(Port port, uint8_t address, absl::Span<uint32_t> words) {
  return {.port = port, .address = address, .read = words};
}

absl::Status PrepareMemory(Probe& probe) {
  const std::array<uint32_t, 1> clear = {adi::kAbortClearSticky};
  const std::array<uint32_t, 1> select = {0};
  const std::array<uint32_t, 1> power = {adi::kPowerRequests};
  const std::array<uint32_t, 1> csw = {0x23000000u | adi::kCswSize32 | adi::kCswAddrIncSingle};
  const std::array<TransferOp, 4> ops = {Write(Port::kDp, adi::kDpAbort, clear),
                                         Write(Port::kDp, adi::kDpSelect, select),
                                         Write(Port::kDp, adi::kDpCtrlStat, power), Write(Port::kAp, adi::kApCsw, csw)};
  return probe.Transfer(ops).status;
}

absl::Status BringUp(Probe& probe, WireProtocol protocol) {
  if (absl::Status status = probe.Open(); !status.ok()) return status;
  if (auto chosen = probe.Connect(protocol); !chosen.ok()) return chosen.status();
  const bool jtag = protocol == WireProtocol::kJtag;
  const auto dpidr = jtag ? adi::EstablishJtagLink(probe) : adi::EstablishSwdLink(probe, std::nullopt);
  if (!dpidr.ok()) return dpidr.status();
  return PrepareMemory(probe);
}

namespace {

// TAR is written once for each page within which it counts.
TransferResult AccessWords(Probe& probe, uint32_t address, size_t count,
                           const std::function<TransferOp(size_t first, size_t count)>& make_op) {
  constexpr size_t kPageWords = 1024;
  std::vector<uint32_t> addresses;
  std::vector<TransferOp> ops;
  for (size_t first = 0; first < count; first += kPageWords)
    addresses.push_back(address + 4 * static_cast<uint32_t>(first));
  for (size_t page = 0; page < addresses.size(); ++page) {
    ops.push_back(Write(Port::kAp, adi::kApTar, absl::MakeConstSpan(&addresses[page], 1)));
    ops.push_back(make_op(page * kPageWords, std::min(kPageWords, count - page * kPageWords)));
  }
  return probe.Transfer(ops);
}

}  // namespace

TransferResult WriteWords(Probe& probe, uint32_t address, absl::Span<const uint32_t> words) {
  return AccessWords(probe, address, words.size(), [&](size_t first, size_t count) {
    return Write(Port::kAp, adi::kApDrw, words.subspan(first, count));
  });
}

TransferResult ReadWords(Probe& probe, uint32_t address, absl::Span<uint32_t> words) {
  return AccessWords(probe, address, words.size(), [&](size_t first, size_t count) {
    return Read(Port::kAp, adi::kApDrw, words.subspan(first, count));
  });
}

std::vector<uint32_t> Pattern(size_t count, uint32_t seed) {
  std::vector<uint32_t> words(count);
  for (size_t i = 0; i < count; ++i) words[i] = seed << 24 | static_cast<uint32_t>(i + 1);
  return words;
}

}  // namespace probegate::contract
