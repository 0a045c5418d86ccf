#include "probe/cmsis_dap/usb_transport.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/cmsis_dap/usb_hid.h"
#include "probe/cmsis_dap/usb_trace.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kQuiet{30};    // a reply that was ready arrives within this time
constexpr milliseconds kBound{1000};  // for one answer, and for reading everything that an earlier user left
constexpr std::chrono::seconds kSendBound{5};
constexpr size_t kMostStarted = 20;  // transfers in each direction: more than the driver has packets in flight

// HID 1.11 §7.2.2 SET_REPORT of an output report.
constexpr usb::ControlSetup kSetReport{.request_type = 0x21, .request = 0x09, .value = 0x0200};

size_t RoundUp(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

class UsbTransport final : public Transport {
 public:
  UsbTransport(std::unique_ptr<usb::Device> device, const UsbFunction& function, std::string name)
      : device_(std::move(device)),
        function_(function),
        name_(std::move(name)),
        input_size_(function.in.max_packet),
        output_size_(function.out ? function.out->max_packet : function.in.max_packet),
        packet_size_(std::min(input_size_, output_size_)) {
    if (function_.swo) trace_.emplace(*function_.swo, [this](absl::Status status) { return Judge(std::move(status)); });
  }

  size_t max_packet_size() const override { return packet_size_; }
  bool pads_replies() const override { return function_.hid; }
  absl::Status Send(absl::Span<const uint8_t> packet) override;
  absl::StatusOr<std::optional<absl::Span<const uint8_t>>> Receive(TimePoint deadline) override;
  absl::Status CheckPresent() override;
  absl::StatusOr<bool> Restore(int attempt) override;
  TraceStream* trace() override { return trace_ ? &*trace_ : nullptr; }
  DisconnectCause cause() const override { return cause_; }

  // For OpenUsb: claims the interface, discards what is left in it, and finds out how long packets are.
  absl::Status Start(std::optional<size_t> packet_size);

 private:
  // The resources that are taken from the device, and given back together: the pipes before their claim.
  struct Link {
    std::unique_ptr<usb::Claim> claim;
    std::unique_ptr<usb::Pipe> out;  // null if requests go to the control endpoint
    std::unique_ptr<usb::Pipe> in;
  };

  absl::Status OpenLink();
  absl::Status Drain();
  absl::Status ReadReportSizes();
  absl::StatusOr<size_t> AskPacketSize();
  void SetPacketSize(size_t size);
  absl::Status Read();
  absl::Status SendPacket(absl::Span<const uint8_t> packet);
  absl::Status SendReport(absl::Span<const uint8_t> packet);
  absl::Status CollectSent();
  // Handles an error of the link: if the device is gone, so is the transport.
  absl::Status Judge(absl::Status status);
  absl::Status Gone(DisconnectCause cause, absl::string_view why);

  const std::unique_ptr<usb::Device> device_;
  const UsbFunction function_;
  const std::string name_;
  size_t input_size_;   // of a HID report, or the longest packet
  size_t output_size_;  // of a HID report
  size_t packet_size_;  // the longest packet in both directions
  Link link_;
  std::optional<UsbTrace> trace_;  // its pipe is destroyed before link_
  std::vector<uint8_t> report_;
  absl::Status gone_;
  DisconnectCause cause_ = DisconnectCause::kLinkClosed;
};

absl::Status UsbTransport::Gone(DisconnectCause cause, absl::string_view why) {
  cause_ = cause;
  gone_ = MakeError(ErrorKind::kProbeDisconnected, absl::StrCat("lost the probe at ", name_, ": ", why));
  return gone_;
}

absl::Status UsbTransport::Judge(absl::Status status) {
  if (status.ok() || !gone_.ok()) return status.ok() ? status : gone_;
  if (!device_->present()) return Gone(DisconnectCause::kLinkClosed, "it was unplugged");
  if (!IsError(status, ErrorKind::kProbeDisconnected)) return status;
  return Gone(DisconnectCause::kLinkClosed, status.message());
}

absl::Status UsbTransport::OpenLink() {
  auto claim = device_->TakeInterface(function_.interface);
  if (!claim.ok()) return claim.status();
  link_.claim = *std::move(claim);
  if (function_.out) link_.out = link_.claim->OpenPipe(*function_.out);
  link_.in = link_.claim->OpenPipe(function_.in);
  return trace_ ? trace_->Attach(*link_.claim) : absl::OkStatus();
}

// Reads until nothing more arrives.
absl::Status UsbTransport::Drain() {
  const TimePoint bound = Clock::now() + kBound;
  while (Clock::now() < bound) {
    const auto left = Receive(Clock::now() + kQuiet);
    if (!left.ok()) return left.status();
    if (!left->has_value()) return absl::OkStatus();
  }
  return MakeError(ErrorKind::kProbeError, "it sends data without a request");
}

absl::Status UsbTransport::Start(std::optional<size_t> packet_size) {
  if (absl::Status status = OpenLink(); !status.ok()) return status;
  if (function_.hid) {
    if (absl::Status status = ReadReportSizes(); !status.ok()) return status;
  }
  if (absl::Status status = Drain(); !status.ok()) return status;
  if (function_.hid) return absl::OkStatus();
  const bool given = packet_size && IsUsablePacketSize(*packet_size);
  const absl::StatusOr<size_t> size = given ? *packet_size : AskPacketSize();
  if (size.ok()) SetPacketSize(*size);
  return size.status();
}

// A HID device receives and sends reports of a fixed size. If it refuses to report that size, the reports are assumed
// to be as long as its endpoints' packets, which is true of most probes.
absl::Status UsbTransport::ReadReportSizes() {
  usb::HidReports reports{.input = input_size_, .output = output_size_};
  const auto told = ReadHidReports(*device_, function_.interface);
  if (!told.ok()) return told.status();
  if (told->has_value()) reports = **told;
  if (absl::Status status = CheckHidReports(function_.interface, reports); !status.ok()) return status;
  input_size_ = reports.input;
  output_size_ = reports.output;
  packet_size_ = std::min(input_size_, output_size_);
  return absl::OkStatus();
}

absl::StatusOr<size_t> UsbTransport::AskPacketSize() {
  constexpr Info kQuestion{InfoId::kPacketSize};
  std::array<uint8_t, 2> request;
  kQuestion.Encode(absl::MakeSpan(request));
  if (absl::Status sent = Send(request); !sent.ok()) return sent;
  const auto reply = Receive(Clock::now() + kBound);
  if (!reply.ok()) return reply.status();
  if (!reply->has_value()) return MakeError(ErrorKind::kProbeError, "it does not answer");
  if (!Answers(**reply, Command::kInfo) && !IsUnknownCommand(**reply)) {
    return MakeError(ErrorKind::kProbeError, "it answers DAP_Info with the reply to another command");
  }
  const auto info = kQuestion.Decode(**reply);
  const size_t size = info ? info->Number().value_or(0) : 0;
  return IsUsablePacketSize(size) ? size : kUsualPacket;
}

void UsbTransport::SetPacketSize(size_t size) {
  packet_size_ = input_size_ = size;
  link_.in->Cancel();  // the reads already started are too short for the packets that may now arrive
}

// The read is started after the packet has been sent, while the packet is on its way: a probe holds its reply until it
// is read.
absl::Status UsbTransport::Send(absl::Span<const uint8_t> packet) {
  if (!gone_.ok()) return gone_;
  if (absl::Status status = SendPacket(packet); !status.ok()) return status;
  if (link_.in->started() >= kMostStarted) return absl::OkStatus();
  return Judge(Read());
}

absl::Status UsbTransport::SendPacket(absl::Span<const uint8_t> packet) {
  if (function_.hid) return SendReport(packet);
  if (absl::Status status = CollectSent(); !status.ok()) return status;
  return Judge(link_.out->Write(packet, packet.size() < packet_size_));
}

// Reads whole packets of the endpoint: a shorter read could overflow.
absl::Status UsbTransport::Read() { return link_.in->Read(RoundUp(input_size_, function_.in.max_packet)); }

absl::Status UsbTransport::SendReport(absl::Span<const uint8_t> packet) {
  report_.assign(output_size_, 0);
  std::copy(packet.begin(), packet.end(), report_.begin());
  if (link_.out != nullptr) {
    if (absl::Status status = CollectSent(); !status.ok()) return status;
    return Judge(link_.out->Write(report_, false));
  }
  usb::ControlSetup setup = kSetReport;
  setup.index = function_.interface;
  return Judge(device_->ControlOut(setup, report_, kBound));
}

// Takes the transfers that have ended; waits only if too many have not.
absl::Status UsbTransport::CollectSent() {
  const auto collect = [this](TimePoint deadline) -> absl::StatusOr<bool> {
    const auto sent = link_.out->Take(deadline);
    if (sent.ok()) return sent->has_value();
    const absl::Status status = Judge(sent.status());
    if (gone_.ok()) static_cast<void>(Judge(link_.out->Clear()));
    return status;
  };
  while (link_.out->started() > 0) {
    const bool full = link_.out->started() >= kMostStarted;
    const absl::StatusOr<bool> collected = collect(full ? Clock::now() + kSendBound : TimePoint{});
    if (!collected.ok()) return collected.status();
    if (!*collected && full) return Gone(DisconnectCause::kNotAnswering, "it no longer accepts data");
    if (!*collected) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<absl::Span<const uint8_t>>> UsbTransport::Receive(TimePoint deadline) {
  if (!gone_.ok()) return gone_;
  if (link_.in->started() == 0) {
    if (absl::Status started = Read(); !started.ok()) return Judge(std::move(started));
  }
  auto reply = link_.in->Take(deadline);
  if (!reply.ok()) {
    absl::Status status = Judge(reply.status());
    if (gone_.ok()) static_cast<void>(Judge(link_.in->Clear()));
    return status;
  }
  if (!reply->has_value() && !device_->present()) return Gone(DisconnectCause::kLinkClosed, "it was unplugged");
  return reply;
}

absl::Status UsbTransport::CheckPresent() {
  if (!gone_.ok() || device_->present()) return gone_;
  return Gone(DisconnectCause::kLinkClosed, "it was unplugged");
}

absl::StatusOr<bool> UsbTransport::Restore(int attempt) {
  if (!gone_.ok()) return gone_;
  const bool resets = attempt > 1;
  if (trace_) trace_->Detach();
  link_.in.reset();
  link_.out.reset();
  link_.claim.reset();
  if (resets) {
    if (absl::Status reset = Judge(device_->Reset()); !gone_.ok()) return reset;
  }
  absl::Status status = OpenLink();
  if (!status.ok()) {
    status = Judge(std::move(status));
    return gone_.ok() ? Gone(DisconnectCause::kLinkError, status.message()) : status;
  }
  if (link_.out != nullptr) status.Update(link_.out->Clear());
  status.Update(link_.in->Clear());
  if (absl::Status judged = Judge(std::move(status)); !gone_.ok()) return judged;
  if (absl::Status drained = Drain(); !drained.ok()) return drained;
  return resets;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Transport>> OpenUsb(std::unique_ptr<usb::Device> device, const UsbFunction& function,
                                                   const std::string& name, std::optional<size_t> packet_size) {
  auto transport = std::make_unique<UsbTransport>(std::move(device), function, name);
  if (absl::Status status = transport->Start(packet_size); !status.ok()) return status;
  return transport;
}

namespace {

ProbeTraits TraitsOf(const usb::DeviceInfo& device) {
  const UsbId id{device.descriptor.vendor_id, device.descriptor.product_id};
  ProbeTraits traits{.usb = id, .product = device.product};
  if (device.serial.empty()) {
    traits.uids = {absl::StrCat(ToText(id), "@", device.path)};
  } else {
    traits.uids = {device.serial, absl::StrCat(device.serial, "@", device.path)};
  }
  return traits;
}

// Adds what is known about one of the device's probes.
ProbeTraits TraitsOf(ProbeTraits device, const UsbFunction& function) {
  const std::vector<std::string> names = device.uids;
  for (const std::string& name : names) device.uids.push_back(absl::StrCat(name, "-if", function.interface));
  device.version = function.hid ? DapVersion::kV1 : DapVersion::kV2;
  return device;
}

// Where the setting that keeps a device from being served comes from, or the setting `cmsis-dap` in general.
std::string Blame(const ChosenSettings& chosen) {
  for (const AppliedSetting& applied : chosen.applied) {
    if (applied.setting == "cmsis-dap") return absl::StrCat("cmsis-dap: ", applied.value, " (", applied.from, ")");
  }
  return "cmsis-dap";
}

std::optional<DapVersion> VersionOf(const ProbeSettings& settings) {
  if (settings.cmsis_dap == DapUse::kV1) return DapVersion::kV1;
  if (settings.cmsis_dap == DapUse::kV2) return DapVersion::kV2;
  return std::nullopt;
}

// Why none of a device's interfaces is used; empty if nothing says that it is CMSIS-DAP.
std::string WhyUnserved(const usb::DeviceInfo& device, const ChosenSettings& chosen) {
  if (!chosen.named_by_usb_id && !IsNamedCmsisDap(device)) return {};
  if (chosen.settings.cmsis_dap)
    return absl::StrCat("it has no interface of the version that is set by ", Blame(chosen));
  return absl::StrCat(IsNamedCmsisDap(device) ? "its name says CMSIS-DAP" : "its vendor and product say CMSIS-DAP",
                      ", but none of its interfaces can be CMSIS-DAP");
}

}  // namespace

usb::Driver UsbDriver(TransportWrapper wrap, ProbeRules rules) {
  return [wrap = std::move(wrap), rules = std::move(rules)](const usb::DeviceInfo& device) {
    usb::Finding found;
    const ProbeTraits traits = TraitsOf(device);
    const ChosenSettings for_device = rules.For(traits);
    if (for_device.settings.cmsis_dap == DapUse::kIgnore) {
      found.unserved = absl::StrCat("it is ignored because of ", Blame(for_device));
      return found;
    }
    const UsbChoice choice{.is_probe = for_device.named_by_usb_id, .version = VersionOf(for_device.settings)};
    for (const UsbFunction& function : FindUsbFunctions(device, choice)) {
      const std::string name = absl::StrCat("usb:", device.path);
      const ChosenSettings settings = rules.For(TraitsOf(traits, function));
      const auto open = [wrap, function, name, settings](
                            std::unique_ptr<usb::Device> opened,
                            const ProbeInfo& known) -> absl::StatusOr<std::unique_ptr<Probe>> {
        const UsbFunction chosen = ChooseHidInterface(*opened, function);
        auto transport = OpenUsb(std::move(opened), chosen, name);
        if (!transport.ok()) return transport.status();
        return OpenCmsisDap(wrap(*std::move(transport), name),
                            {.packet_count = settings.settings.packet_count,
                             .packet_size = settings.settings.packet_size,
                             .known = known,
                             .settings = [settings](const ProbeInfo&) { return settings; }});
      };
      found.functions.push_back({.interface = function.interface,
                                 .known = {.unique_id = settings.settings.serial.value_or(""),
                                           .labels = settings.settings.labels,
                                           .settings = settings.applied},
                                 .problem = function.problem,
                                 .open = open});
    }
    if (found.functions.empty()) found.unserved = WhyUnserved(device, for_device);
    return found;
  };
}

}  // namespace probegate::cmsis_dap
