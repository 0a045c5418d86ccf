// The CMSIS-DAP driver over the USB transport, on devices whose endpoints lead to the simulated board.
#include <chrono>
#include <utility>

#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/tcp_transport.h"
#include "probe/cmsis_dap/usb_transport.h"
#include "tests/contract/probe_contract.h"
#include "tests/contract/sim_world.h"
#include "tests/fakes/fake_usb.h"

namespace probegate {
namespace {

// Passes what is sent to an endpoint on to the simulated probe.
class SimWire : public UsbWire {
 public:
  explicit SimWire(std::unique_ptr<cmsis_dap::Transport> transport) : transport_(std::move(transport)) {}

  absl::Status Out(absl::Span<const uint8_t> packet) override { return transport_->Send(packet); }
  absl::StatusOr<std::optional<Packet>> In(usb::TimePoint deadline) override {
    const auto packet = transport_->Receive(deadline);
    if (!packet.ok()) return packet.status();
    if (!packet->has_value()) return std::nullopt;
    return Packet((*packet)->begin(), (*packet)->end());
  }

  bool present() override { return transport_->CheckPresent().ok(); }

 private:
  const std::unique_ptr<cmsis_dap::Transport> transport_;
};

class UsbWorld : public SimWorld {
 public:
  explicit UsbWorld(usb::DeviceInfo info) : SimWorld(WireProtocol::kSwd), info_(std::move(info)) {}

  absl::StatusOr<std::unique_ptr<Probe>> OpenProbe() override {
    auto link = cmsis_dap::ConnectTcp({"127.0.0.1", port()}, std::chrono::milliseconds(5000));
    if (!link.ok()) return link.status();
    auto state = std::make_shared<FakeUsbState>(std::make_unique<SimWire>(*std::move(link)));
    const cmsis_dap::UsbFunction function = cmsis_dap::FindUsbFunctions(info_).at(0);
    if (function.hid) {
      state->report_size = kReport;
      state->report_descriptor = {0x75, 0x08, 0x96, kReport & 0xFF, kReport >> 8, 0x81, 0x02, 0x91, 0x02};
    }
    auto transport = cmsis_dap::OpenUsb(OpenFakeUsb(state), function, "usb:1-1");
    if (!transport.ok()) return transport.status();
    return cmsis_dap::OpenCmsisDap(*std::move(transport), {.reply_timeout = kReplyTimeout});
  }

 private:
  static constexpr size_t kReport = 512;  // bytes; some probes have such reports
  const usb::DeviceInfo info_;
};

const ContractWorldFactory kBulk{"Bulk", [] { return std::make_unique<UsbWorld>(BulkProbeInfo("1-1", "A")); }};
const ContractWorldFactory kHid{"Hid", [] { return std::make_unique<UsbWorld>(HidProbeInfo("1-1", "A")); }};

// USB keeps packets apart whatever their content. A report always arrives whole: if the reply in it is truncated, that
// cannot be noticed.
std::vector<ProbeFailureRow> Failures(bool hid) {
  std::vector<ProbeFailureRow> rows;
  for (const ProbeFailureRow& row : ProbeFailures()) {
    if (row.failure == ProbeFailure::kGarbleStream || (hid && row.failure == ProbeFailure::kTruncateReply)) continue;
    rows.push_back(row);
  }
  return rows;
}

std::string NameOf(const testing::TestParamInfo<std::tuple<ContractWorldFactory, ProbeFailureRow>>& test) {
  return std::get<1>(test.param).name;
}

INSTANTIATE_TEST_SUITE_P(CmsisDapUsb, ProbeContract, ::testing::Values(kBulk, kHid));
INSTANTIATE_TEST_SUITE_P(CmsisDapUsb, ProbeFailureContract,
                         ::testing::Combine(::testing::Values(kBulk), ::testing::ValuesIn(Failures(false))), NameOf);
INSTANTIATE_TEST_SUITE_P(CmsisDapUsbHid, ProbeFailureContract,
                         ::testing::Combine(::testing::Values(kHid), ::testing::ValuesIn(Failures(true))), NameOf);

}  // namespace
}  // namespace probegate
