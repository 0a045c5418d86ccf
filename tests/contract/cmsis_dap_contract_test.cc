// The CMSIS-DAP driver over TCP against the simulated board.
#include <chrono>
#include <utility>

#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/tcp_transport.h"
#include "tests/contract/probe_contract.h"
#include "tests/contract/sim_world.h"

namespace probegate {
namespace {

class TcpWorld : public SimWorld {
 public:
  using SimWorld::SimWorld;

  absl::StatusOr<std::unique_ptr<Probe>> OpenProbe() override {
    auto transport = cmsis_dap::ConnectTcp({"127.0.0.1", port()}, std::chrono::milliseconds(5000));
    if (!transport.ok()) return transport.status();
    return cmsis_dap::OpenCmsisDap(*std::move(transport), {.reply_timeout = kReplyTimeout});
  }
};

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
