// The CMSIS-DAP driver over TCP against the simulated board.
#include <memory>
#include <tuple>
#include <vector>

#include "tests/contract/probe_contract.h"
#include "tests/contract/tcp_world.h"

namespace probegate {
namespace {

const ContractWorldFactory kSimulated{"Simulated", [] { return std::make_unique<TcpWorld>(WireProtocol::kSwd); }};
const ContractWorldFactory kOverJtag{"OverJtag", [] { return std::make_unique<TcpWorld>(WireProtocol::kJtag); }};

// Over JTAG, with the debug port first, last and in the middle of a chain of `taps`.
class ChainWorld : public TcpWorld {
 public:
  ChainWorld(const char* chain, size_t taps) : TcpWorld(WireProtocol::kJtag, {"--jtag-chain", chain}), taps_(taps) {}
  size_t taps() const override { return taps_; }

 private:
  const size_t taps_;
};
const ContractWorldFactory kFirstInChain{"FirstInChain",
                                         [] { return std::make_unique<ChainWorld>("dap,5:0x06413041", 2); }};
const ContractWorldFactory kLastInChain{"LastInChain",
                                        [] { return std::make_unique<ChainWorld>("5:0x06413041,dap", 2); }};
const ContractWorldFactory kInMiddleOfChain{"InMiddleOfChain",
                                            [] { return std::make_unique<ChainWorld>("7,5:0x06413041,dap,10", 4); }};

INSTANTIATE_TEST_SUITE_P(CmsisDapTcp, ProbeContract, ::testing::Values(kSimulated));
INSTANTIATE_TEST_SUITE_P(CmsisDapTcpJtag, ProbeContract, ::testing::Values(kOverJtag));
INSTANTIATE_TEST_SUITE_P(CmsisDapTcpJtagChain, ProbeContract,
                         ::testing::Values(kFirstInChain, kLastInChain, kInMiddleOfChain));

INSTANTIATE_TEST_SUITE_P(CmsisDapTcp, ProbeFailureContract,
                         ::testing::Combine(::testing::Values(kSimulated), ::testing::ValuesIn(ProbeFailures())),
                         [](const auto& test) { return std::get<1>(test.param).name; });

// Failures of replies are the same over JTAG, so they are not repeated.
std::vector<ProbeFailureRow> FailuresOfTransfers() {
  std::vector<ProbeFailureRow> rows;
  for (const ProbeFailureRow& row : ProbeFailures()) {
    if (row.of_transfers) rows.push_back(row);
  }
  return rows;
}
INSTANTIATE_TEST_SUITE_P(CmsisDapTcpJtag, ProbeFailureContract,
                         ::testing::Combine(::testing::Values(kOverJtag, kInMiddleOfChain),
                                            ::testing::ValuesIn(FailuresOfTransfers())),
                         [](const auto& test) { return std::get<0>(test.param).name + std::get<1>(test.param).name; });

}  // namespace
}  // namespace probegate
