// The specification of a device on the emulated bus: the value of one --device option.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace probegate::usbemu {

// A function of a device: one interface, or two for a serial port.
enum class Function : uint8_t {
  kDapBulk,   // CMSIS-DAP v2: vendor class, bulk endpoints
  kDapHid,    // CMSIS-DAP v1: HID, interrupt endpoints
  kCdc,       // a serial port that is not connected to anything
  kMsc,       // a drive that never answers
  kKeyboard,  // a HID interface without a boot protocol, on which no key is ever pressed
};

// The speed of the bus. It determines maximum packet sizes and, if the bus is timed, when packets move.
enum class Speed : uint8_t { kFull, kHigh };

// The maximum packet size of the board.
inline constexpr unsigned kMaxDapPacket = 1024;

struct DeviceSpec {
  std::vector<Function> functions;
  std::optional<std::string> serial;  // nothing: the board's own; empty: the device has no serial number
  std::string vendor = "Probegate";
  std::string product = "Simulated CMSIS-DAP";
  std::string interface_name =
      "CMSIS-DAP";  // the name of a CMSIS-DAP interface, before " v1" or " v2", and of a keyboard
  uint16_t vendor_id = 0x0D28;
  uint16_t product_id = 0x0204;
  std::optional<unsigned> packet_size;  // in DAP_Info; if not given, the maximum packet size of the endpoint
  unsigned packet_count = 4;
  bool swo = false;          // a v2 interface has an endpoint for trace
  bool denied = false;       // programs have no permission to open its node
  bool plugged = true;       // plugged in from the start
  unsigned reply_extra = 0;  // how many bytes each reply is too long
  std::string malformed;     // a row of kMalformations, or nothing
};

// Parses KIND[,key=value]…, which `--help` explains. Throws std::invalid_argument, which names the part that is wrong.
DeviceSpec ParseDevice(const std::string& text);

// The text of `--help` about KIND and the keys.
std::string DeviceHelp();

}  // namespace probegate::usbemu
