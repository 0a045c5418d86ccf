// The CMSIS-DAP driver over TCP against the simulated board.
#include <chrono>

#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/tcp_transport.h"
#include "sim/board_server.h"
#include "spdlog/sinks/null_sink.h"
#include "spdlog/spdlog.h"
#include "tests/contract/probe_contract.h"

namespace probegate {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kReplyTimeout{400};
constexpr milliseconds kTooLate{700};

class NoObserver : public ProbeObserver {
 public:
  void OnPacket(size_t, size_t, size_t) override {}
  void OnWait() override {}
  void OnFault() override {}
  void OnNoAck() override {}
  void OnRetry() override {}
};

// What each failure is to the simulated board.
struct TransferFaultRow {
  ProbeFailure failure;
  sim::TransferFault fault;
};
constexpr TransferFaultRow kTransferFaults[] = {
    {ProbeFailure::kWait, sim::TransferFault::kWait},
    {ProbeFailure::kFault, sim::TransferFault::kFault},
    {ProbeFailure::kNoAck, sim::TransferFault::kNoAck},
};
struct ReplyFaultRow {
  ProbeFailure failure;
  sim::ReplyFault fault;
};
constexpr ReplyFaultRow kReplyFaults[] = {
    {ProbeFailure::kDropReply, {sim::ReplyFault::Kind::kDrop}},
    {ProbeFailure::kLateReply, {sim::ReplyFault::Kind::kLate, kTooLate}},
    {ProbeFailure::kCorruptReply, {sim::ReplyFault::Kind::kCommand}},
    {ProbeFailure::kTruncateReply, {sim::ReplyFault::Kind::kTruncate}},
    {ProbeFailure::kGarbleStream, {sim::ReplyFault::Kind::kSignature}},
    {ProbeFailure::kUnplug, {sim::ReplyFault::Kind::kUnplug}},
};

class SimWorld : public ContractWorld {
 public:
  SimWorld()
      : server_(0, std::make_unique<sim::Board>(0, 1, "CONTRACT"),
                asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0),
                std::make_shared<spdlog::logger>("sim", std::make_shared<spdlog::sinks::null_sink_mt>())) {}

  absl::StatusOr<std::unique_ptr<Probe>> OpenProbe() override {
    auto transport = cmsis_dap::ConnectTcp({"127.0.0.1", server_.endpoint().port()}, milliseconds(5000));
    if (!transport.ok()) return transport.status();
    return cmsis_dap::OpenCmsisDap(*std::move(transport), observer_, {.reply_timeout = kReplyTimeout});
  }

  std::string unique_id() const override { return server_.serial(); }

  void Inject(ProbeFailure failure, uint64_t at, uint64_t times) override {
    server_.Call([&] {
      for (const TransferFaultRow& row : kTransferFaults) {
        if (row.failure == failure) board().device().transfers().faults().Arm(row.fault, at, times);
      }
      for (const ReplyFaultRow& row : kReplyFaults) {
        if (row.failure == failure) board().reply_faults().Arm(row.fault, at, times);
      }
    });
  }

  void ClearFailures() override {
    server_.Call([this] {
      board().device().transfers().faults().Clear();
      board().reply_faults().Clear();
    });
  }

  uint64_t transfers() override {
    return server_.Call([this] { return board().device().transfers().faults().operations(); });
  }
  uint64_t replies() override {
    return server_.Call([this] { return board().reply_faults().operations(); });
  }

  void Unplug() override {
    server_.Call([this] { server_.Unplug(); });
  }
  void Plug() override {
    server_.Call([this] {
      if (!server_.plugged()) server_.Plug();
    });
  }

  uint32_t ReadTarget(uint32_t address) override {
    return server_.Call([&] { return board().chip().bus().Read(address, 4).value_or(0); });
  }

 private:
  sim::Board& board() { return server_.board(); }

  NoObserver observer_;
  sim::BoardServer server_;
};

const ContractWorldFactory kSimulated{"Simulated", [] { return std::make_unique<SimWorld>(); }};

INSTANTIATE_TEST_SUITE_P(CmsisDapTcp, ProbeContract, ::testing::Values(kSimulated));

INSTANTIATE_TEST_SUITE_P(CmsisDapTcp, ProbeFailureContract,
                         ::testing::Combine(::testing::Values(kSimulated), ::testing::ValuesIn(ProbeFailures())),
                         [](const auto& test) { return std::get<1>(test.param).name; });

}  // namespace
}  // namespace probegate
