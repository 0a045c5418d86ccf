// The simulated board as a world for the contract suite. The subclass decides how its probe is reached.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/contract/probe_contract.h"
#include "tests/contract/sim_process.h"

namespace probegate {

class SimWorld : public ContractWorld {
 public:
  static constexpr std::chrono::milliseconds kReplyTimeout{1000};

  explicit SimWorld(WireProtocol protocol, const std::vector<std::string>& sim_flags = {})
      : protocol_(protocol), sim_(sim_flags) {}

  std::string unique_id() const override { return sim_.serial(); }
  WireProtocol protocol() const override { return protocol_; }
  void Inject(ProbeFailure failure, uint64_t at, uint64_t times) override;
  void ClearFailures() override { Command("clear_faults"); }
  uint64_t transfers() override { return Command("counters").at("transfers"); }
  uint64_t replies() override { return Command("counters").at("replies"); }
  void Unplug() override { Command("unplug"); }
  void Plug() override { Command("plug"); }
  std::vector<uint32_t> ReadTarget(uint32_t address, size_t count) override;
  std::vector<uint8_t> SendSwo() override;

 protected:
  uint16_t port() const { return sim_.port(); }

 private:
  nlohmann::json Command(const char* command) { return sim_.Ask({{"command", command}, {"board", 0}}); }

  const WireProtocol protocol_;
  SimProcess sim_;
};

}  // namespace probegate
