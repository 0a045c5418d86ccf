#include "tests/usbemu/descriptors.h"

#include <utility>

namespace probegate::usbemu {
namespace {

constexpr uint8_t kClassCommunication = 0x02;
constexpr uint8_t kClassHid = 0x03;
constexpr uint8_t kClassStorage = 0x08;
constexpr uint8_t kClassHub = 0x09;
constexpr uint8_t kClassData = 0x0A;
constexpr uint8_t kClassMiscellaneous = 0xEF;
constexpr uint8_t kClassVendor = 0xFF;

constexpr unsigned kFullSpeedPacket = 64;
constexpr unsigned kHighSpeedBulkPacket = 512;
constexpr unsigned kNotifyPacket = 16;

// Converts UTF-8 to UTF-16. Malformed UTF-8 becomes U+FFFD.
void AppendUtf16(Bytes& out, const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i++]);
    const unsigned more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    uint32_t point = lead < 0x80 ? lead : lead & (0x3Fu >> more);
    for (unsigned k = 0; k < more; ++k) {
      const bool follows = i < text.size() && (static_cast<uint8_t>(text[i]) & 0xC0) == 0x80;
      point = follows ? point << 6 | (static_cast<uint8_t>(text[i++]) & 0x3F) : 0xFFFD;
      if (!follows) break;
    }
    if (point >= 0x10000) {
      Append16(out, 0xD800 + ((point - 0x10000) >> 10));
      Append16(out, 0xDC00 + (point & 0x3FF));
    } else {
      Append16(out, point);
    }
  }
}

Bytes StringDescriptor(const std::string& text) {
  Bytes bytes = {0, kDescriptorString};
  AppendUtf16(bytes, text);
  if (bytes.size() > 254) bytes.resize(254);
  bytes[0] = static_cast<uint8_t>(bytes.size());
  return bytes;
}

// A vendor-defined report in each direction, without IDs, and a feature report, which some programs ask for.
Bytes ReportDescriptor(unsigned size) {
  const auto low = static_cast<uint8_t>(size);
  const auto high = static_cast<uint8_t>(size >> 8);
  return {0x06, 0x00, 0xFF, 0x09, 0x01, 0xA1, 0x01, 0x15, 0x00, 0x26, 0xFF, 0x00, 0x75, 0x08, 0x96, low,  high, 0x09,
          0x01, 0x81, 0x02, 0x96, low,  high, 0x09, 0x01, 0x91, 0x02, 0x95, 0x01, 0x09, 0x01, 0xB1, 0x02, 0xC0};
}

// HID 1.11, appendix E.6: modifier keys and six others, and five LEDs. For simplicity, both reports have the same size.
const Bytes kKeyboardReport = {0x05, 0x01, 0x09, 0x06, 0xA1, 0x01, 0x05, 0x07, 0x19, 0x00, 0x29, 0x65, 0x15, 0x00,
                               0x25, 0x65, 0x75, 0x08, 0x95, 0x08, 0x81, 0x00, 0x05, 0x08, 0x91, 0x02, 0xC0};
constexpr unsigned kKeyboardReportSize = 8;

Bytes HidDescriptor(const Bytes& report) {
  Bytes hid = {9, 0x21, 0x11, 0x01, 0x00, 1, kDescriptorReport};
  Append16(hid, static_cast<unsigned>(report.size()));
  return hid;
}

class Builder {
 public:
  Builder(const DeviceSpec& spec, Speed speed) : spec_(spec), speed_(speed) {}

  Descriptors Build() {
    result_.strings[0] = {4, kDescriptorString, 0x09, 0x04};  // English, as spoken in the United States
    const uint8_t vendor = AddString(spec_.vendor);
    const uint8_t product = AddString(spec_.product);
    const uint8_t serial = AddString(spec_.serial.value_or(""));
    for (const Function function : spec_.functions) AddFunction(function);

    const bool composite = spec_.functions.size() > 1;
    Bytes& device = result_.device;
    device = {18, kDescriptorDevice, 0x00, 0x02};
    Append(device, composite ? Bytes{kClassMiscellaneous, 2, 1} : Bytes{0, 0, 0});
    device.push_back(64);
    Append16(device, spec_.vendor_id);
    Append16(device, spec_.product_id);
    Append16(device, 0x0100);
    Append(device, {vendor, product, serial, 1});

    Bytes& configuration = result_.configuration;
    configuration = {9, kDescriptorConfiguration};
    Append16(configuration, static_cast<unsigned>(9 + body_.size()));
    Append(configuration, {static_cast<uint8_t>(result_.interfaces.size()), 1, 0, 0x80, 250});
    Append(configuration, body_);
    return std::move(result_);
  }

 private:
  uint8_t AddString(const std::string& text) {
    if (text.empty()) return 0;
    const auto index = static_cast<uint8_t>(result_.strings.size());
    result_.strings[index] = StringDescriptor(text);
    return index;
  }

  unsigned BulkPacket() const { return speed_ == Speed::kHigh ? kHighSpeedBulkPacket : kFullSpeedPacket; }

  // At high speed, HID 1.11 allows packets of 1024 bytes. A longer report is sent in several packets.
  unsigned HidPacket() const {
    const unsigned wanted = spec_.packet_size.value_or(kFullSpeedPacket);
    const unsigned most = speed_ == Speed::kHigh ? kMaxDapPacket : kFullSpeedPacket;
    return wanted == 0 ? kFullSpeedPacket : wanted < most ? wanted : most;
  }

  void AddInterface(Interface interface, const Bytes& class_specific = {}) {
    interface.number = static_cast<uint8_t>(result_.interfaces.size());
    const uint8_t name = AddString(interface.name);
    const auto endpoints = static_cast<uint8_t>(interface.endpoints.size());
    Append(body_, {9, 4, interface.number, 0, endpoints, interface.interface_class, interface.subclass,
                   interface.protocol, name});
    Append(body_, class_specific);
    for (const Endpoint& endpoint : interface.endpoints) {
      Append(body_, {7, 5, endpoint.address, endpoint.attributes});
      Append16(body_, endpoint.max_packet);
      // The interval of an interrupt endpoint: each frame or, at high speed, each microframe.
      body_.push_back(endpoint.attributes == kEndpointInterrupt ? 1 : 0);
    }
    result_.interfaces.push_back(std::move(interface));
  }

  uint8_t NextEndpoint() { return next_endpoint_++; }

  std::vector<Endpoint> BothWays(uint8_t attributes, unsigned max_packet) {
    const uint8_t number = NextEndpoint();
    return {{number, attributes, max_packet}, {static_cast<uint8_t>(0x80 | number), attributes, max_packet}};
  }

  Endpoint In(uint8_t attributes, unsigned max_packet) {
    return {static_cast<uint8_t>(0x80 | NextEndpoint()), attributes, max_packet};
  }

  void AddFunction(Function function) {
    switch (function) {
      case Function::kDapBulk: {
        std::vector<Endpoint> endpoints = BothWays(kEndpointBulk, BulkPacket());
        if (spec_.swo) endpoints.push_back(In(kEndpointBulk, BulkPacket()));
        AddInterface({.function = function,
                      .name = spec_.interface_name + " v2",
                      .interface_class = kClassVendor,
                      .endpoints = std::move(endpoints)});
        break;
      }
      case Function::kDapHid: {
        // The packet size in DAP_Info, whatever the endpoint's maximum is.
        const unsigned wanted = spec_.packet_size.value_or(0);
        const unsigned size = wanted == 0 ? HidPacket() : wanted;
        const Bytes report = ReportDescriptor(size);
        AddInterface({.function = function,
                      .name = spec_.interface_name + " v1",
                      .driver = "usbhid",
                      .interface_class = kClassHid,
                      .endpoints = BothWays(kEndpointInterrupt, HidPacket()),
                      .report = report,
                      .report_size = size},
                     HidDescriptor(report));
        break;
      }
      case Function::kKeyboard:
        AddInterface({.function = function,
                      .name = spec_.interface_name + " keyboard",
                      .driver = "usbhid",
                      .interface_class = kClassHid,
                      .endpoints = BothWays(kEndpointInterrupt, kKeyboardReportSize),
                      .report = kKeyboardReport,
                      .report_size = kKeyboardReportSize},
                     HidDescriptor(kKeyboardReport));
        break;
      case Function::kCdc:
        AddSerialPort();
        break;
      case Function::kMsc:
        AddInterface({.function = function,
                      .name = "Drive",
                      .driver = "usb-storage",
                      .interface_class = kClassStorage,
                      .subclass = 6,     // SCSI
                      .protocol = 0x50,  // bulk only
                      .endpoints = BothWays(kEndpointBulk, BulkPacket())});
        break;
    }
  }

  void AddSerialPort() {
    const auto first = static_cast<uint8_t>(result_.interfaces.size());
    const auto second = static_cast<uint8_t>(first + 1);
    Append(body_, {8, 11, first, 2, kClassCommunication, 2, 1, 0});  // an association of the two interfaces
    AddInterface({.function = Function::kCdc,
                  .name = "Serial port",
                  .driver = "cdc_acm",
                  .interface_class = kClassCommunication,
                  .subclass = 2,  // abstract control model
                  .protocol = 1,
                  .endpoints = {In(kEndpointInterrupt, kNotifyPacket)}},
                 {5, 0x24, 0x00, 0x10, 0x01,       // header, CDC 1.10
                  5, 0x24, 0x01, 0x00, second,     // call management: none
                  4, 0x24, 0x02, 0x02,             // line coding and serial state
                  5, 0x24, 0x06, first, second});  // union
    AddInterface({.function = Function::kCdc,
                  .driver = "cdc_acm",
                  .interface_class = kClassData,
                  .endpoints = BothWays(kEndpointBulk, BulkPacket())});
  }

  const DeviceSpec& spec_;
  const Speed speed_;
  Descriptors result_;
  Bytes body_;
  uint8_t next_endpoint_ = 1;
};

}  // namespace

Descriptors MakeDescriptors(const DeviceSpec& spec, Speed speed) { return Builder(spec, speed).Build(); }

Descriptors MakeHubDescriptors() {
  Descriptors hub;
  hub.device = {18, kDescriptorDevice, 0x00, 0x02, kClassHub, 0, 1, 64, 0x6B, 0x1D, 0x02, 0x00, 0x00, 0x06, 1, 2, 3, 1};
  hub.configuration = {9,    kDescriptorConfiguration, 25, 0, 1, 1, 0, 0xE0, 0, 9, 4, 0, 0, 1, kClassHub, 0, 0, 0, 7, 5,
                       0x81, kEndpointInterrupt,       4,  0, 12};
  hub.strings = {{0, {4, kDescriptorString, 0x09, 0x04}},
                 {1, StringDescriptor("Linux")},
                 {2, StringDescriptor("Emulated host controller")},
                 {3, StringDescriptor("usbemu")}};
  hub.interfaces = {{.driver = "hub", .interface_class = kClassHub, .endpoints = {{0x81, kEndpointInterrupt, 4}}}};
  return hub;
}

}  // namespace probegate::usbemu
