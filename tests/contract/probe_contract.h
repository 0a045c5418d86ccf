// What probe/probe.h promises, as tests that any Probe must pass.
//
// A driver's test compiles probe_contract.cc and probe_failure_contract.cc, and instantiates both suites with a factory
// for a world: a probe with a target, in which a failure can be injected at one operation and no other.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "probe/error.h"
#include "probe/observer.h"
#include "probe/probe.h"

namespace probegate {

enum class ProbeFailure : uint8_t {
  kWait,           // the target answers WAIT, from then on
  kFault,          // STICKYERR is set
  kNoAck,          // the target does not answer
  kDropReply,      // the probe carries out the command but does not reply
  kLateReply,      // the reply arrives after the time-out
  kStaleReply,     // the reply arrives after the next command has been sent
  kRepeatReply,    // the reply arrives twice
  kCorruptReply,   // the reply seems to be to another command
  kTruncateReply,  // the reply ends after the command's number
  kGarbleStream,   // it can no longer be told where a reply begins
  kUnplug,
};

// One row per failure: which operations it counts, and what the user of the probe sees.
struct ProbeFailureRow {
  ProbeFailure failure;
  const char* name;
  bool of_transfers;  // operations are transfers on the wire; otherwise the probe's replies
  ErrorKind seen_as;
  // For a failure that is reported as kProbeDisconnected: the cause that the observer is told.
  DisconnectCause cause = DisconnectCause::kLinkClosed;
};
absl::Span<const ProbeFailureRow> ProbeFailures();

// A probe and its target: an SWJ-DP (DPIDR 0x2BA01477) and an AHB-AP at APSEL 0, RAM of 64 KiB or more at 0x20000000,
// nothing at 0x60000000.
class ContractWorld {
 public:
  virtual ~ContractWorld() = default;

  // A new Probe for the same device; the previous one must have been destroyed.
  virtual absl::StatusOr<std::unique_ptr<Probe>> OpenProbe() = 0;

  virtual std::string unique_id() const = 0;

  // The protocol to connect with: SWD or JTAG.
  virtual WireProtocol protocol() const { return WireProtocol::kSwd; }

  // How many TAPs are in the JTAG chain.
  virtual size_t taps() const { return 1; }

  // Injects `failure` at the `at`-th operation from now (1: the next), `times` times in a row; 0 means from then on.
  virtual void Inject(ProbeFailure failure, uint64_t at, uint64_t times) = 0;
  virtual void ClearFailures() = 0;

  // The number of transfers on the wire, and of replies sent, since the start.
  virtual uint64_t transfers() = 0;
  virtual uint64_t replies() = 0;

  // Makes the device go away, and come back.
  virtual void Unplug() = 0;
  virtual void Plug() = 0;

  // Words of the target's memory, read without the probe.
  virtual std::vector<uint32_t> ReadTarget(uint32_t address, size_t count) = 0;

  // Makes the target send a few bytes by SWO, at kSwoBaud, and returns them. For probes that have SWO.
  virtual std::vector<uint8_t> SendSwo() { return {}; }
};

struct ContractWorldFactory {
  std::string name;
  std::function<std::unique_ptr<ContractWorld>()> make;
};
inline void PrintTo(const ContractWorldFactory& factory, std::ostream* out) { *out << factory.name; }

// Counts what it is told.
struct ObserverRecord : ProbeObserver {
  void OnPacket(size_t count, size_t out, size_t in) override {
    ++packets;
    transfers += count;
    bytes_out += out;
    bytes_in += in;
  }
  void OnWait() override { ++waits; }
  void OnFault() override { ++faults; }
  void OnNoAck() override { ++no_acks; }
  void OnRetry() override { ++retries; }
  void OnAssumption(std::string_view what) override { assumptions.emplace_back(what); }
  void OnDisconnect(DisconnectCause cause) override { disconnects.push_back(cause); }
  size_t packets = 0, transfers = 0, bytes_out = 0, bytes_in = 0, waits = 0, faults = 0, no_acks = 0, retries = 0;
  std::vector<std::string> assumptions;
  std::vector<DisconnectCause> disconnects;
};

class ProbeContract : public ::testing::TestWithParam<ContractWorldFactory> {
 protected:
  void SetUp() override;

  std::unique_ptr<ContractWorld> world_;
  ObserverRecord seen_;  // observes nothing until a test sets it as the observer
  std::unique_ptr<Probe> probe_;
};

class ProbeFailureContract : public ::testing::TestWithParam<std::tuple<ContractWorldFactory, ProbeFailureRow>> {};
inline void PrintTo(const ProbeFailureRow& row, std::ostream* out) { *out << row.name; }

// Test code that both suites share. Each function returns the first error.
namespace contract {

inline constexpr uint32_t kRam = 0x20000000;
inline constexpr uint32_t kNowhere = 0x60000000;
inline constexpr uint32_t kSwoBaud = 1'000'000;

TransferOp Write(Port port, uint8_t address, absl::Span<const uint32_t> words);
TransferOp Read(Port port, uint8_t address, absl::Span<uint32_t> words);

// Clears sticky errors, powers up, selects AP 0, and sets CSW to words with auto-increment.
absl::Status PrepareMemory(Probe& probe);
// Open, Connect, the link, PrepareMemory.
absl::Status BringUp(Probe& probe, WireProtocol protocol);

TransferResult WriteWords(Probe& probe, uint32_t address, absl::Span<const uint32_t> words);
TransferResult ReadWords(Probe& probe, uint32_t address, absl::Span<uint32_t> words);

// `count` words that differ from each other and from those of another seed.
std::vector<uint32_t> Pattern(size_t count, uint32_t seed);

}  // namespace contract
}  // namespace probegate
