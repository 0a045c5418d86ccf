#include "probe/usb/descriptors.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "probe/error.h"

namespace probegate::usb {
namespace {

enum DescriptorType : uint8_t {
  kTypeDevice = 1,
  kTypeConfiguration = 2,
  kTypeString = 3,
  kTypeInterface = 4,
  kTypeEndpoint = 5,
};
constexpr size_t kConfigurationSize = 9;
constexpr size_t kInterfaceSize = 9;
constexpr size_t kEndpointSize = 7;

absl::Status Malformed(absl::string_view what) {
  return MakeError(ErrorKind::kProbeError, absl::StrCat("malformed USB descriptors: ", what));
}

uint16_t Word(absl::Span<const uint8_t> bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] | bytes[at + 1] << 8);
}

// Removes the first descriptor from `bytes` and returns it. Its first byte is its length, its second its type.
absl::StatusOr<absl::Span<const uint8_t>> Take(absl::Span<const uint8_t>& bytes) {
  if (bytes.size() < 2 || bytes[0] < 2) return Malformed("a descriptor has no length and type");
  if (bytes[0] > bytes.size()) return Malformed("a descriptor is longer than the data that contains it");
  const absl::Span<const uint8_t> taken = bytes.first(bytes[0]);
  bytes.remove_prefix(bytes[0]);
  return taken;
}

// Collects the interfaces of one configuration from its descriptors.
class ConfigurationReader {
 public:
  absl::Status Add(absl::Span<const uint8_t> descriptor) {
    if (descriptor[1] == kTypeInterface) return AddInterface(descriptor);
    if (descriptor[1] == kTypeEndpoint) return AddEndpoint(descriptor);
    return absl::OkStatus();  // specific to a class
  }

  absl::Status CheckEndpoints() const {
    if (interfaces_.empty() || interfaces_.back().endpoints.size() == promised_) return absl::OkStatus();
    const Interface& last = interfaces_.back();
    return Malformed(
        absl::StrCat("interface ", last.number, " has ", last.endpoints.size(), " endpoints and says ", promised_));
  }

  std::vector<Interface> Finish() { return std::move(interfaces_); }

 private:
  absl::Status AddInterface(absl::Span<const uint8_t> bytes) {
    if (bytes.size() < kInterfaceSize) return Malformed("an interface descriptor is too short");
    if (absl::Status status = CheckEndpoints(); !status.ok()) return status;
    interfaces_.push_back({.number = bytes[2],
                           .alternate = bytes[3],
                           .interface_class = bytes[5],
                           .subclass = bytes[6],
                           .protocol = bytes[7],
                           .name_index = bytes[8]});
    promised_ = bytes[4];
    return absl::OkStatus();
  }

  absl::Status AddEndpoint(absl::Span<const uint8_t> bytes) {
    if (bytes.size() < kEndpointSize) return Malformed("an endpoint descriptor is too short");
    if (interfaces_.empty()) return Malformed("an endpoint comes before any interface");
    if ((bytes[2] & 0x0F) == 0) return Malformed("an interface claims endpoint 0");
    const auto max_packet = static_cast<uint16_t>(Word(bytes, 4) & 0x7FF);
    interfaces_.back().endpoints.push_back(
        {.address = bytes[2], .kind = static_cast<TransferKind>(bytes[3] & 3), .max_packet = max_packet});
    return absl::OkStatus();
  }

  std::vector<Interface> interfaces_;
  size_t promised_ = 0;  // number of endpoints that the last interface's descriptor states
};

absl::StatusOr<Configuration> ReadConfiguration(absl::Span<const uint8_t> bytes, uint8_t value) {
  ConfigurationReader reader;
  while (!bytes.empty()) {
    const auto descriptor = Take(bytes);
    if (!descriptor.ok()) return descriptor.status();
    if (absl::Status status = reader.Add(*descriptor); !status.ok()) return status;
  }
  if (absl::Status status = reader.CheckEndpoints(); !status.ok()) return status;
  return Configuration{.value = value, .interfaces = reader.Finish()};
}

void AppendUtf8(std::string& text, uint32_t code) {
  const auto tail = [&](unsigned shift) { text += static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

absl::StatusOr<DeviceDescriptor> ParseDevice(absl::Span<const uint8_t> bytes) {
  const auto taken = Take(bytes);
  if (!taken.ok()) return taken.status();
  const absl::Span<const uint8_t> device = *taken;
  if (device.size() < kDeviceDescriptorSize || device[1] != kTypeDevice) return Malformed("no device descriptor");
  return DeviceDescriptor{.vendor_id = Word(device, 8),
                          .product_id = Word(device, 10),
                          .version = Word(device, 12),
                          .manufacturer_index = device[14],
                          .product_index = device[15],
                          .serial_index = device[16]};
}

absl::StatusOr<Configuration> ParseConfiguration(absl::Span<const uint8_t> bytes, uint8_t value) {
  while (!bytes.empty()) {
    if (bytes.size() < kConfigurationSize || bytes[0] < kConfigurationSize || bytes[1] != kTypeConfiguration) {
      return Malformed("no configuration where one should begin");
    }
    const size_t total = Word(bytes, 2);
    if (total < bytes[0] || total > bytes.size()) return Malformed("a configuration's length is wrong");
    if (bytes[5] == value) return ReadConfiguration(bytes.first(total).subspan(bytes[0]), value);
    bytes.remove_prefix(total);
  }
  return Malformed(absl::StrCat("there is no configuration ", value));
}

absl::StatusOr<std::string> ParseString(absl::Span<const uint8_t> bytes) {
  const auto taken = Take(bytes);
  if (!taken.ok()) return taken.status();
  const absl::Span<const uint8_t> units = taken->subspan(2);
  if ((*taken)[1] != kTypeString || units.size() % 2 != 0) return Malformed("not a string descriptor");
  std::string text;
  uint32_t high = 0;  // the first half of a surrogate pair, once it has been read
  for (size_t at = 0; at < units.size(); at += 2) {
    const uint32_t unit = Word(units, at);
    const bool is_high = unit >= 0xD800 && unit < 0xDC00;
    const bool is_low = unit >= 0xDC00 && unit < 0xE000;
    if (is_low != (high != 0)) return Malformed("a string is not UTF-16");
    if (is_high) {
      high = unit;
      continue;
    }
    AppendUtf8(text, high != 0 ? 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00) : unit);
    high = 0;
  }
  if (high != 0) return Malformed("a string is not UTF-16");
  return text;
}

}  // namespace probegate::usb
