// The CMSIS-DAP driver over TCP against the simulated board.
#include <chrono>
#include <utility>

#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/tcp_transport.h"
#include "tests/contract/probe_contract.h"
#include "tests/contract/sim_process.h"

namespace probegate {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kReplyTimeout{400};
constexpr milliseconds kTooLate{700};

constexpr uint32_t kItmBusy = 1u << 23;

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

  std::vector<uint8_t> SendSwo() override {
    // DEMCR.TRCENA; the ITM unlocked and on, without timestamps, and port 5, which the board's program does not use;
    // the pin given to SWO, 32 MHz divided by 32, NRZ.
    constexpr std::pair<uint32_t, uint32_t> kSetUp[] = {
        {0xE000EDFC, 1u << 24},   {0xE0000FB0, 0xC5ACCE55}, {0xE0000E80, 1}, {0xE0000E00, 1u << 5},
        {0x4000055C, 0x10000},    {0xE0040010, 31},         {0xE00400F0, 2}, {0xE0040304, 0x100},
        {0xE0000014, 0x44434241}, {0xE0000014, 0x48474645},
    };
    for (const auto& [address, value] : kSetUp) {
      sim_.Ask({{"command", "write_word"}, {"board", 0}, {"address", address}, {"value", value}});
    }
    while ((ReadTarget(0xE0000E80) & kItmBusy) != 0) continue;
    return {0x2B, 'A', 'B', 'C', 'D', 0x2B, 'E', 'F', 'G', 'H'};
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
