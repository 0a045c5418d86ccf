#include "probe/usb/describe.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "absl/strings/str_cat.h"
#include "probe/error.h"
#include "probe/usb/sysfs.h"

namespace probegate::usb {
namespace {

constexpr ControlSetup kGetString{.request_type = 0x80, .request = 6, .value = 0x0300};
constexpr std::chrono::milliseconds kBound{500};  // USB 2.0 §9.2.6.4 requires an answer within this time
constexpr uint16_t kEnglish = 0x0409;

// The device's own strings, in its first language. The device is opened when a string is first needed.
class Strings {
 public:
  explicit Strings(const std::function<absl::StatusOr<std::unique_ptr<Device>>()>& open) : open_(open) {}

  // String `index`; empty if the device has no such string, or cannot be opened.
  absl::StatusOr<std::string> Get(uint8_t index) {
    if (index == 0) return std::string();
    if (!device_) {
      auto opened = open_();
      device_ = opened.ok() ? *std::move(opened) : nullptr;
      if (*device_ != nullptr) language_ = Language();
    }
    if (*device_ == nullptr) return std::string();
    const auto bytes = Ask(index, language_);
    return bytes.empty() ? std::string() : ParseString(bytes);
  }

 private:
  absl::Span<const uint8_t> Ask(uint8_t index, uint16_t language) {
    ControlSetup setup = kGetString;
    setup.value = static_cast<uint16_t>(setup.value | index);
    setup.index = language;
    const auto size = (*device_)->ControlIn(setup, absl::MakeSpan(buffer_), kBound);
    return absl::MakeConstSpan(buffer_).first(size.value_or(0));
  }

  uint16_t Language() {
    const auto bytes = Ask(0, 0);
    return bytes.size() < 4 ? kEnglish : static_cast<uint16_t>(bytes[2] | bytes[3] << 8);
  }

  const std::function<absl::StatusOr<std::unique_ptr<Device>>()>& open_;
  std::optional<std::unique_ptr<Device>> device_;  // null if it cannot be opened
  uint16_t language_ = kEnglish;
  std::array<uint8_t, 255> buffer_;
};

// Interfaces of other kinds do not belong to probes, so their names are not read.
bool MayBeProbe(const Interface& interface) {
  return interface.interface_class == kClassVendor || interface.interface_class == kClassNone ||
         (interface.interface_class == kClassHid && interface.subclass == 0);
}

// Sets `text` to `known`, the string from the system's file, or to the device's own string. The system's file may be
// missing, or empty for a moment.
absl::Status Fill(std::string& text, std::optional<std::string> known, uint8_t index, Strings& strings) {
  if (known && !(known->empty() && index != 0)) {
    text = *std::move(known);
    return absl::OkStatus();
  }
  auto told = strings.Get(index);
  if (!told.ok()) return told.status();
  text = *std::move(told);
  return absl::OkStatus();
}

absl::Status FillNames(DeviceInfo& info, const SysfsDevice& files, Strings& strings) {
  const uint8_t value = info.configuration.value;
  const DeviceDescriptor& descriptor = info.descriptor;
  absl::Status status = Fill(info.manufacturer, files.Text("manufacturer"), descriptor.manufacturer_index, strings);
  status.Update(Fill(info.product, files.Text("product"), descriptor.product_index, strings));
  status.Update(Fill(info.serial, files.Text("serial"), descriptor.serial_index, strings));
  for (Interface& interface : info.configuration.interfaces) {
    if (!MayBeProbe(interface)) continue;
    if (interface.interface_class == kClassHid) {
      interface.report_descriptor = files.ReportDescriptor(value, interface.number);
    }
    status.Update(Fill(interface.name, files.InterfaceName(value, interface.number), interface.name_index, strings));
  }
  return status;
}

// Whether the system has created all the files it is going to: the device's directory appears first, then its
// interfaces', then their names.
bool IsComplete(const DeviceInfo& info, const SysfsDevice& files) {
  const uint8_t value = info.configuration.value;
  const DeviceDescriptor& descriptor = info.descriptor;
  const auto has = [&files](uint8_t index, const char* name) {
    return index == 0 || !files.Text(name).value_or("").empty();
  };
  if (!has(descriptor.manufacturer_index, "manufacturer") || !has(descriptor.product_index, "product")) return false;
  if (!has(descriptor.serial_index, "serial")) return false;
  const auto& interfaces = info.configuration.interfaces;
  return std::all_of(interfaces.begin(), interfaces.end(), [&](const Interface& interface) {
    if (!files.HasInterface(value, interface.number)) return false;
    if (interface.name_index == 0 || !MayBeProbe(interface)) return true;
    return !files.InterfaceName(value, interface.number).value_or("").empty();
  });
}

// Whether the names by which drivers recognize probes are missing. A HID interface can be recognized by the product's
// name, too.
bool LacksNames(const DeviceInfo& info) {
  bool lacks = false;
  for (const Interface& interface : info.configuration.interfaces) {
    if (!MayBeProbe(interface)) continue;
    if (!interface.name.empty()) return false;
    if (interface.interface_class == kClassHid && !info.product.empty()) return false;
    lacks = lacks || interface.name_index != 0;
  }
  return lacks;
}

// Reads the device's descriptor and configuration from the system's files.
Outlook ReadFiles(DeviceInfo& info, const SysfsDevice& files) {
  const std::vector<uint8_t> bytes = files.Descriptors();
  const auto descriptor = ParseDevice(bytes);
  if (!descriptor.ok()) {
    info.problem = bytes.empty() ? MakeError(ErrorKind::kProbeError, "the system has no descriptors of the device")
                                 : descriptor.status();
    return Outlook::kMayBeTold;
  }
  info.descriptor = *descriptor;
  const std::optional<uint8_t> value = files.ConfigurationValue();
  if (!value) {
    info.problem = MakeError(ErrorKind::kProbeError, "the device is not configured");
    return Outlook::kUnconfigured;
  }
  auto configuration = ParseConfiguration(absl::MakeConstSpan(bytes).subspan(bytes[0]), *value);
  if (!configuration.ok()) {
    info.problem = configuration.status();
    return Outlook::kMayBeTold;
  }
  info.configuration = *std::move(configuration);
  return Outlook::kFinal;
}

}  // namespace

Outlook Describe(DeviceInfo& info, bool patient, const std::function<absl::StatusOr<std::unique_ptr<Device>>()>& open) {
  const SysfsDevice files(info.path);
  const Outlook outlook = ReadFiles(info, files);
  if (patient && (outlook != Outlook::kFinal || !IsComplete(info, files))) {
    info.settled = false;
    return Outlook::kMayBeTold;
  }
  const auto& interfaces = info.configuration.interfaces;
  if (outlook != Outlook::kFinal || std::none_of(interfaces.begin(), interfaces.end(), MayBeProbe)) {
    // Not a probe, so the device is not asked for what the system does not know.
    info.manufacturer = files.Text("manufacturer").value_or("");
    info.product = files.Text("product").value_or("");
    info.serial = files.Text("serial").value_or("");
    return outlook;
  }
  Strings strings(open);
  info.problem = FillNames(info, files, strings);
  if (!info.problem.ok() || !LacksNames(info)) return Outlook::kFinal;
  info.problem =
      MakeError(ErrorKind::kProbeError, "neither the system nor the device reports the names of its interfaces");
  return Outlook::kMayBeTold;
}

}  // namespace probegate::usb
