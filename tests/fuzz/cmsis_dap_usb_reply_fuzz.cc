// A probe on USB that answers with arbitrary data, in pieces of any length, or not at all. Opening and using it must
// come to an end, and everything claimed must be given back.
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <vector>

#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/usb_transport.h"
#include "tests/fakes/fake_usb.h"

namespace probegate {
namespace {

using Packet = UsbWire::Packet;

void Check(bool condition) {
  if (!condition) std::abort();
}

// Each packet begins with its length. 0 means no answer, 255 a stall, 254 that the device is unplugged.
class AnyWire : public UsbWire {
 public:
  AnyWire(const uint8_t* data, size_t size) : left_(data, data + size) {}

  absl::Status Out(absl::Span<const uint8_t>) override { return absl::OkStatus(); }
  absl::StatusOr<std::optional<Packet>> In(usb::TimePoint) override {
    if (left_.empty()) return MakeError(ErrorKind::kProbeDisconnected, "the input ends");
    const size_t size = left_.front();
    left_.pop_front();
    if (size == 0) return std::nullopt;
    if (size == 255) return MakeError(ErrorKind::kProbeError, "it stalls");
    if (size == 254) return MakeError(ErrorKind::kProbeDisconnected, "it is unplugged");
    Packet packet;
    while (packet.size() < size && !left_.empty()) {
      packet.push_back(left_.front());
      left_.pop_front();
    }
    return packet;
  }

 private:
  std::deque<uint8_t> left_;
};

void Use(Probe& probe) {
  std::vector<uint32_t> words(300);
  const uint32_t value = 7;
  const TransferOp ops[] = {{.port = Port::kDp, .address = 0, .read = absl::MakeSpan(words).first(1)},
                            {.port = Port::kAp, .address = 4, .write = {&value, 1}},
                            {.port = Port::kAp, .address = 0xC, .read = absl::MakeSpan(words)}};
  static_cast<void>(probe.Connect(WireProtocol::kSwd));
  for (int i = 0; i < 4 && probe.CheckPresent().ok(); ++i) {
    const TransferResult result = probe.Transfer(ops);
    Check(result.completed <= 302 && (result.status.ok() == (result.completed == 302)));
    Check(result.completed + result.uncertain <= 302);
  }
}

// The first byte's lowest bit selects version 1 or 2 of the protocol. If the next bit is set, the device describes its
// reports: the two bytes that follow are the number of bytes in and out.
void Run(const uint8_t* data, size_t size) {
  if (size == 0) return;
  const bool hid = (data[0] & 1) != 0;
  const size_t begin = (data[0] & 2) != 0 ? 3 : 1;
  if (size < begin) return;
  const auto state = std::make_shared<FakeUsbState>(std::make_unique<AnyWire>(data + begin, size - begin));
  if (begin == 3) state->report_descriptor = {0x75, 0x08, 0x95, data[1], 0x81, 0x02, 0x95, data[2], 0x91, 0x02};
  const usb::DeviceInfo info = hid ? HidProbeInfo("1-1", "A") : BulkProbeInfo("1-1", "A");
  auto transport = cmsis_dap::OpenUsb(OpenFakeUsb(state), cmsis_dap::FindUsbFunctions(info).at(0), "usb:1-1");
  if (transport.ok()) {
    const cmsis_dap::Options options{.reply_timeout = std::chrono::milliseconds(0), .fallback_id = "A"};
    const auto probe = cmsis_dap::OpenCmsisDap(*std::move(transport), options);
    if (probe.ok()) Use(**probe);
  }
  transport = absl::CancelledError();
  Check(state->claims == 0 && state->pipes == 0);
}

}  // namespace
}  // namespace probegate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  probegate::Run(data, size);
  return 0;
}
