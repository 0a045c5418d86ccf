// The CMSIS-DAP driver over TCP against simulated boards with quirks of firmware in the field: deviations from the
// specification that Probegate hides from its users.
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/contract/probe_contract.h"
#include "tests/contract/tcp_world.h"

namespace probegate {
namespace {

// Quirks that the contract holds with. Each row is one board; quirks that have nothing to do with each other share one.
struct QuirkedBoard {
  const char* name;
  std::vector<std::string> quirks;
};
const std::vector<QuirkedBoard>& Boards() {
  static const std::vector<QuirkedBoard> boards = {
      {"ResetReadsZero", {"nreset-reads=0", "version=1.10"}},
      {"ResetReadsOne", {"nreset-reads=1", "version=03.25.01B6", "info-unknown=9"}},
      {"ResetNotDriven", {"nreset-not-driven", "version="}},
      {"ResetNotDrivenReadsZero", {"nreset-not-driven", "nreset-reads=0", "version=v1.2"}},
      {"NoPacketCount", {"info=0xFE:", "csw=privileged"}},
      {"PacketCountZero", {"packet-count=0", "csw=secure"}},
      {"SmallPackets", {"packet-size=64"}},
      {"NoPacketSize", {"info=0xFF:", "info=1:4dfc6c"}},
      {"OneBuffer", {"packet-count=1", "packet-buffers=1"}},
      {"UnknownInfo", {"info-unknown=0xFE", "info-unknown=0xF0", "info-unknown=4"}},
      {"Refuses",
       {"refuse=HostStatus", "refuse=Delay", "refuse=ResetTarget", "refuse=SWD_Configure", "refuse=TransferConfigure"}},
      {"Fails", {"fail=HostStatus", "fail=Delay", "fail=ResetTarget", "fail=SWD_Configure", "fail=TransferConfigure"}},
      {"RefusesSwdSequence", {"refuse=SWD_Sequence"}},
      {"SlowClock", {"clock=1000-500000"}},
  };
  return boards;
}

// Quirks that the contract does not run with.
struct ExceptionRow {
  const char* quirk;
  const char* reason;
};
constexpr ExceptionRow kExceptions[] = {
    {"stale-reply", "it is an error, which is reported: ProbeFailureContract"},
    {"repeat-reply", "it is an error, which is reported: ProbeFailureContract"},
    {"power-ack-delay", "waiting for power is up to the probe's user"},
    {"no-system-power", "waiting for power is up to the probe's user"},
    {"powered-by-target", "the contract does not power-cycle the target"},
};

std::vector<std::string> FlagsOf(const QuirkedBoard& board) {
  std::vector<std::string> flags;
  for (const std::string& quirk : board.quirks) flags.insert(flags.end(), {"--quirk", quirk});
  return flags;
}

std::vector<ContractWorldFactory> Worlds() {
  std::vector<ContractWorldFactory> worlds;
  for (const QuirkedBoard& board : Boards()) {
    worlds.push_back({board.name, [&board] { return std::make_unique<TcpWorld>(WireProtocol::kSwd, FlagsOf(board)); }});
  }
  return worlds;
}

INSTANTIATE_TEST_SUITE_P(CmsisDapTcpQuirks, ProbeContract, ::testing::ValuesIn(Worlds()),
                         [](const auto& test) { return test.param.name; });

TEST(QuirksTest, EveryQuirkIsTestedOrAnException) {
  std::set<std::string> known;
  for (const QuirkedBoard& board : Boards()) {
    for (const std::string& quirk : board.quirks) known.insert(quirk.substr(0, quirk.find('=')));
  }
  for (const ExceptionRow& row : kExceptions) EXPECT_TRUE(known.insert(row.quirk).second) << row.quirk;
  std::set<std::string> simulated;
  SimProcess sim;
  const nlohmann::json answer = sim.Ask({{"command", "quirks"}, {"board", 0}});
  for (const nlohmann::json& row : answer.at("quirks")) {
    simulated.insert(row.at("quirk").get<std::string>());
  }
  EXPECT_EQ(known, simulated);
}

}  // namespace
}  // namespace probegate
