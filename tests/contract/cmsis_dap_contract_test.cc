// The CMSIS-DAP driver over TCP against the simulated board.
#include <chrono>

#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/tcp_transport.h"
#include "tests/contract/probe_contract.h"
#include "tests/contract/sim_process.h"

namespace probegate {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kReplyTimeout{400};
constexpr milliseconds kTooLate{700};

// What each failure is to the simulated board: the rest of an "inject" request.
struct FaultRow {
  ProbeFailure failure;
  nlohmann::json inject;
};
const std::vector<FaultRow>& Faults() {
  static const std::vector<FaultRow> rows = {
      {ProbeFailure::kWait, {{"fault", "wait"}}},
      {ProbeFailure::kFault, {{"fault", "fault"}}},
      {ProbeFailure::kNoAck, {{"fault", "no_ack"}}},
      {ProbeFailure::kDropReply, {{"fault", "drop_reply"}}},
      {ProbeFailure::kLateReply, {{"fault", "late_reply"}, {"milliseconds", kTooLate.count()}}},
      {ProbeFailure::kCorruptReply, {{"fault", "corrupt_reply"}, {"corruption", "command"}}},
      {ProbeFailure::kTruncateReply, {{"fault", "corrupt_reply"}, {"corruption", "truncated"}}},
      {ProbeFailure::kGarbleStream, {{"fault", "corrupt_reply"}, {"corruption", "signature"}}},
      {ProbeFailure::kUnplug, {{"fault", "unplug"}}},
  };
  return rows;
}

class SimWorld : public ContractWorld {
 public:
  explicit SimWorld(WireProtocol protocol) : protocol_(protocol) {}

  absl::StatusOr<std::unique_ptr<Probe>> OpenProbe() override {
    auto transport = cmsis_dap::ConnectTcp({"127.0.0.1", sim_.port()}, milliseconds(5000));
    if (!transport.ok()) return transport.status();
    return cmsis_dap::OpenCmsisDap(*std::move(transport), {.reply_timeout = kReplyTimeout});
  }

  std::string unique_id() const override { return sim_.serial(); }
  WireProtocol protocol() const override { return protocol_; }

  void Inject(ProbeFailure failure, uint64_t at, uint64_t times) override {
    for (const FaultRow& row : Faults()) {
      if (row.failure != failure) continue;
      nlohmann::json request = row.inject;
      request.update({{"command", "inject"}, {"board", 0}, {"at", at}, {"times", times}});
      sim_.Ask(request);
    }
  }

  void ClearFailures() override { Command("clear_faults"); }

  uint64_t transfers() override { return Command("counters").at("transfers"); }
  uint64_t replies() override { return Command("counters").at("replies"); }

  void Unplug() override { Command("unplug"); }
  void Plug() override { Command("plug"); }

  uint32_t ReadTarget(uint32_t address) override {
    return sim_.Ask({{"command", "read_word"}, {"board", 0}, {"address", address}}).at("value");
  }

 private:
  nlohmann::json Command(const char* command) { return sim_.Ask({{"command", command}, {"board", 0}}); }

  const WireProtocol protocol_;
  SimProcess sim_;
};

const ContractWorldFactory kSimulated{"Simulated", [] { return std::make_unique<SimWorld>(WireProtocol::kSwd); }};
const ContractWorldFactory kOverJtag{"OverJtag", [] { return std::make_unique<SimWorld>(WireProtocol::kJtag); }};

INSTANTIATE_TEST_SUITE_P(CmsisDapTcp, ProbeContract, ::testing::Values(kSimulated));
INSTANTIATE_TEST_SUITE_P(CmsisDapTcpJtag, ProbeContract, ::testing::Values(kOverJtag));

INSTANTIATE_TEST_SUITE_P(CmsisDapTcp, ProbeFailureContract,
                         ::testing::Combine(::testing::Values(kSimulated), ::testing::ValuesIn(ProbeFailures())),
                         [](const auto& test) { return std::get<1>(test.param).name; });

// What becomes of replies is the same over JTAG.
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
