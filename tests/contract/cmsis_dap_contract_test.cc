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

INSTANTIATE_TEST_SUITE_P(CmsisDapTcp, ProbeContract, ::testing::Values(kSimulated));
INSTANTIATE_TEST_SUITE_P(CmsisDapTcpJtag, ProbeContract, ::testing::Values(kOverJtag));

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
                         ::testing::Combine(::testing::Values(kOverJtag), ::testing::ValuesIn(FailuresOfTransfers())),
                         [](const auto& test) { return std::get<1>(test.param).name; });

}  // namespace
}  // namespace probegate
