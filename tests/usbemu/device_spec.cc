#include "tests/usbemu/device_spec.h"

#include <charconv>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "tests/usbemu/malformations.h"

namespace probegate::usbemu {
namespace {

struct KindRow {
  const char* name;
  std::vector<Function> functions;
  const char* help;
};
const KindRow kKinds[] = {
    {"cmsis-dap-v2", {Function::kDapBulk}, "a vendor class interface with bulk endpoints"},
    {"cmsis-dap-v1", {Function::kDapHid}, "a HID interface with interrupt endpoints"},
    {"composite",
     {Function::kMsc, Function::kCdc, Function::kDapHid, Function::kDapBulk},
     "a drive, a serial port, v1 and v2, as DAPLink"},
};

struct FunctionRow {
  const char* name;
  Function function;
};
constexpr FunctionRow kFunctions[] = {{"v2", Function::kDapBulk},
                                      {"v1", Function::kDapHid},
                                      {"cdc", Function::kCdc},
                                      {"msc", Function::kMsc},
                                      {"kbd", Function::kKeyboard}};

unsigned Number(const std::string& text, unsigned most, int base = 10) {
  unsigned value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || stop != end || value > most) {
    throw std::invalid_argument("'" + text + "' is not a number up to " + std::to_string(most));
  }
  return value;
}

bool Flag(const std::string& text) {
  if (text == "on") return true;
  if (text == "off") return false;
  throw std::invalid_argument("'" + text + "' is neither on nor off");
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::vector<Function> FunctionsOf(const std::string& text) {
  std::vector<Function> functions;
  for (const std::string& name : Split(text, '+')) {
    const FunctionRow* found = nullptr;
    for (const FunctionRow& row : kFunctions) {
      if (row.name == name) found = &row;
    }
    if (found == nullptr) throw std::invalid_argument("'" + name + "' is not a function: v1, v2, cdc, msc or kbd");
    functions.push_back(found->function);
  }
  // Each function needs up to two of the fifteen endpoints.
  if (functions.empty() || functions.size() > 7) throw std::invalid_argument("a device has 1 to 7 functions");
  return functions;
}

void SetId(DeviceSpec& spec, const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos) throw std::invalid_argument("'" + text + "' is not VENDOR:PRODUCT");
  spec.vendor_id = static_cast<uint16_t>(Number(text.substr(0, colon), 0xFFFF, 16));
  spec.product_id = static_cast<uint16_t>(Number(text.substr(colon + 1), 0xFFFF, 16));
}

struct KeyRow {
  const char* name;
  const char* value;
  const char* help;
  void (*set)(DeviceSpec&, const std::string&);
};
const KeyRow kKeys[] = {
    {"serial", "TEXT", "the serial number (default: the board's own); empty: none",
     [](DeviceSpec& spec, const std::string& text) { spec.serial = text; }},
    {"vendor", "TEXT", "the manufacturer", [](DeviceSpec& spec, const std::string& text) { spec.vendor = text; }},
    {"product", "TEXT", "the product's name", [](DeviceSpec& spec, const std::string& text) { spec.product = text; }},
    {"interface", "TEXT", "the name of its CMSIS-DAP interfaces, before ' v1' or ' v2', and of a keyboard",
     [](DeviceSpec& spec, const std::string& text) { spec.interface_name = text; }},
    {"id", "VVVV:PPPP", "vendor and product ID, hexadecimal", SetId},
    {"functions", "F+F…", "other functions, in this order: v1, v2, cdc, msc, kbd (a keyboard)",
     [](DeviceSpec& spec, const std::string& text) { spec.functions = FunctionsOf(text); }},
    {"packet-size", "N", "the packet size in DAP_Info, 0 to 1024 (default: the endpoint's maximum)",
     [](DeviceSpec& spec, const std::string& text) { spec.packet_size = Number(text, kMaxDapPacket); }},
    {"packet-count", "N", "the packet count in DAP_Info, 0 to 255 (default: 4)",
     [](DeviceSpec& spec, const std::string& text) { spec.packet_count = Number(text, 255); }},
    {"swo", "on|off", "whether v2 interfaces also have a trace endpoint",
     [](DeviceSpec& spec, const std::string& text) { spec.swo = Flag(text); }},
    {"plugged", "on|off", "whether it is plugged in from the start (default: on)",
     [](DeviceSpec& spec, const std::string& text) { spec.plugged = Flag(text); }},
    {"denied", "on|off", "whether its node may not be opened; if on, the program runs without CAP_DAC_OVERRIDE",
     [](DeviceSpec& spec, const std::string& text) { spec.denied = Flag(text); }},
    {"reply-extra", "N", "each reply is N bytes too long",
     [](DeviceSpec& spec, const std::string& text) { spec.reply_extra = Number(text, 4096); }},
    {"malformed", "NAME", "its descriptors are wrong in the way of NAME, see below",
     [](DeviceSpec& spec, const std::string& text) {
       FindMalformation(text);
       spec.malformed = text;
     }},
};

void SetKey(DeviceSpec& spec, const std::string& part) {
  const size_t equals = part.find('=');
  const std::string name = part.substr(0, equals);
  for (const KeyRow& row : kKeys) {
    if (name != row.name) continue;
    if (equals == std::string::npos) throw std::invalid_argument("'" + name + "' needs a value");
    row.set(spec, part.substr(equals + 1));
    return;
  }
  throw std::invalid_argument("'" + name + "' is not a key of a device");
}

}  // namespace

DeviceSpec ParseDevice(const std::string& text) {
  const std::vector<std::string> parts = Split(text, ',');
  DeviceSpec spec;
  const std::string kind = parts.empty() ? "" : parts[0];
  for (const KindRow& row : kKinds) {
    if (kind == row.name) spec.functions = row.functions;
  }
  if (spec.functions.empty()) throw std::invalid_argument("'" + kind + "' is not a kind of device");
  for (size_t i = 1; i < parts.size(); ++i) SetKey(spec, parts[i]);
  return spec;
}

std::string DeviceHelp() {
  std::ostringstream help;
  help << "KIND of --device:\n";
  for (const KindRow& row : kKinds) help << "  " << row.name << ": " << row.help << '\n';
  help << "key=value of --device, after commas:\n";
  for (const KeyRow& row : kKeys) help << "  " << row.name << '=' << row.value << ": " << row.help << '\n';
  help << "malformed=NAME:\n" << MalformationHelp();
  return help.str();
}

}  // namespace probegate::usbemu
