// What a device on the emulated bus is to be: the value of one --device option.
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
  kCdc,       // a serial port that nothing is behind
  kMsc,       // a drive that never answers
  kKeyboard,  // a HID interface, without a boot protocol, on which nobody types
};

// How fast the bus is; decides maximum packet sizes, and where it is timed, when packets move.
enum class Speed : uint8_t { kFull, kHigh };

// The most that a packet of the board behind the device holds.
inline constexpr unsigned kMaxDapPacket = 1024;

struct DeviceSpec {
  std::vector<Function> functions;
  std::optional<std::string> serial;  // the board's own unless given; empty: the device has no serial number
  std::string vendor = "Probegate";
  std::string product = "Simulated CMSIS-DAP";
  std::string interface_name = "CMSIS-DAP";  // of a CMSIS-DAP interface, before " v1" or " v2", and of a keyboard's
  uint16_t vendor_id = 0x0D28;
  uint16_t product_id = 0x0204;
  std::optional<unsigned> packet_size;  // what DAP_Info says; the maximum packet size of the endpoint unless given
  unsigned packet_count = 4;
  bool swo = false;          // a v2 interface has an endpoint for trace
  bool denied = false;       // its node may not be opened
  bool plugged = true;       // from the start
  unsigned reply_extra = 0;  // bytes that each reply is too long
  std::string malformed;     // a row of kMalformations, or nothing
};

// KIND[,key=value]… as `--help` explains it. Throws std::invalid_argument, which names the part that is wrong.
DeviceSpec ParseDevice(const std::string& text);

// What `--help` says about KIND and the keys.
std::string DeviceHelp();

}  // namespace probegate::usbemu
