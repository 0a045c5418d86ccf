#include "tests/usbemu/sys_tree.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

namespace probegate::usbemu {
namespace {

namespace fs = std::filesystem;

const std::string kHub = "/devices/pci0000:00/0000:00:14.0/usb1";

[[gnu::format(printf, 1, 2)]] std::string Format(const char* format, ...) {
  std::array<char, 256> text{};
  va_list values;
  va_start(values, format);
  std::vsnprintf(text.data(), text.size(), format, values);
  va_end(values);
  return text.data();
}

std::string Line(const std::string& text) { return text + '\n'; }

void WriteFile(const fs::path& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary).write(contents.data(), static_cast<std::streamsize>(contents.size()));
}

// Relative, since programs resolve links without knowing of the emulated root.
void Link(const fs::path& target, const fs::path& at) {
  fs::remove(at);
  fs::create_symlink(target.lexically_relative(at.parent_path()), at);
}

unsigned WordAt(const Bytes& bytes, size_t at) {
  return bytes.size() < at + 2 ? 0 : bytes[at] | static_cast<unsigned>(bytes[at + 1]) << 8;
}

// MurmurHash2 with seed 0, which libudev's listeners use to filter events in the kernel.
uint32_t Hash(std::string_view text) {
  constexpr uint32_t kFactor = 0x5BD1E995;
  auto hash = static_cast<uint32_t>(text.size());
  const auto byte = [&](size_t at) { return uint32_t{static_cast<uint8_t>(text[at])}; };
  size_t at = 0;
  for (; at + 4 <= text.size(); at += 4) {
    uint32_t word = byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24;
    word *= kFactor;
    word ^= word >> 24;
    word *= kFactor;
    hash = (hash * kFactor) ^ word;
  }
  if (at < text.size()) {
    for (size_t rest = text.size(); rest-- > at;) hash ^= byte(rest) << (8 * (rest - at));
    hash *= kFactor;
  }
  hash ^= hash >> 13;
  hash *= kFactor;
  return hash ^ hash >> 15;
}

// The header that libudev puts before an event's properties (struct monitor_netlink_header).
struct EventHeader {
  std::array<char, 8> prefix = {'l', 'i', 'b', 'u', 'd', 'e', 'v', '\0'};
  uint32_t magic = htonl(0xFEEDCAFE);
  uint32_t header_size = sizeof(EventHeader);
  uint32_t properties_offset = sizeof(EventHeader);
  uint32_t properties_size = 0;
  uint32_t subsystem_hash = 0;
  uint32_t devtype_hash = 0;
  uint32_t tag_bloom_high = 0;
  uint32_t tag_bloom_low = 0;
};

}  // namespace

SysTree::SysTree(std::string root) : root_(std::move(root)) {
  for (const char* directory : {"/sys/bus/usb/devices", "/sys/class", "/sys/devices", "/dev/bus/usb"}) {
    fs::create_directories(root_ + directory);
  }
}

void SysTree::Add(Entry entry, bool is_bus, const std::vector<Attribute>& attributes) {
  const fs::path directory = root_ + "/sys" + entry.path;
  const fs::path subsystem = root_ + (is_bus ? "/sys/bus/" : "/sys/class/") + entry.subsystem;
  const fs::path list = is_bus ? subsystem / "devices" : subsystem;
  fs::create_directories(directory);
  fs::create_directories(list);
  for (const Attribute& attribute : attributes) WriteFile(directory / attribute.name, attribute.value);
  WriteFile(directory / "uevent", entry.uevent);
  Link(subsystem, directory / "subsystem");
  entry.link = list / directory.filename();
  Link(directory, entry.link);
  entries_.push_back(entry);
  Announce(entry, "add");
}

SysTree::Path SysTree::AddDevice(const UsbAddress& address, const Descriptors& descriptors, const Texts& texts,
                                 Speed speed) {
  const bool is_hub = address.port == 0;
  const std::string name = is_hub ? "usb1" : Format("1-%u", address.port);
  const Path path = is_hub ? kHub : kHub + '/' + name;
  const unsigned vendor = WordAt(descriptors.device, 8);
  const unsigned product = WordAt(descriptors.device, 10);
  const unsigned version = WordAt(descriptors.device, 12);
  const unsigned minor = (address.bus - 1) * 128 + address.device - 1;
  std::ostringstream uevent;
  uevent << Format("MAJOR=189\nMINOR=%u\n", minor) << Format("DEVNAME=bus/usb/%03u/%03u\n", address.bus, address.device)
         << "DEVTYPE=usb_device\nDRIVER=usb\n"
         << Format("PRODUCT=%x/%x/%x\n", vendor, product, version) << "TYPE=0/0/0\n"
         << Format("BUSNUM=%03u\nDEVNUM=%03u\n", address.bus, address.device);
  const Bytes& device = descriptors.device;
  std::string bytes(device.begin(), device.end());
  bytes.append(descriptors.configuration.begin(), descriptors.configuration.end());
  std::vector<Attribute> attributes = {
      {"busnum", Format("%u\n", address.bus)},
      {"devnum", Format("%u\n", address.device)},
      {"devpath", is_hub ? "0\n" : Format("%u\n", address.port)},
      {"dev", Format("189:%u\n", minor)},
      {"speed", speed == Speed::kHigh ? "480\n" : "12\n"},
      {"version", " 2.00\n"},
      {"bConfigurationValue", "1\n"},
      {"bNumConfigurations", device.size() > 17 ? Format("%u\n", unsigned{device[17]}) : "0\n"},
      {"bNumInterfaces", Format("%2zu\n", descriptors.interfaces.size())},
      {"bDeviceClass", device.size() > 4 ? Format("%02x\n", unsigned{device[4]}) : "00\n"},
      {"idVendor", Format("%04x\n", vendor)},
      {"idProduct", Format("%04x\n", product)},
      {"bcdDevice", Format("%04x\n", version)},
      {"descriptors", bytes},
  };
  if (!texts.vendor.empty()) attributes.push_back({"manufacturer", Line(texts.vendor)});
  if (!texts.product.empty()) attributes.push_back({"product", Line(texts.product)});
  if (!texts.serial.empty()) attributes.push_back({"serial", Line(texts.serial)});
  Add({.path = path, .subsystem = "usb", .devtype = "usb_device", .uevent = uevent.str()}, true, attributes);

  const std::string prefix = is_hub ? "1-0" : name;
  for (const Interface& interface : descriptors.interfaces) {
    std::ostringstream text;
    text << "DEVTYPE=usb_interface\n";
    if (!interface.driver.empty()) text << "DRIVER=" << interface.driver << '\n';
    text << Format("INTERFACE=%u/%u/%u\n", unsigned{interface.interface_class}, unsigned{interface.subclass},
                   unsigned{interface.protocol});
    std::vector<Attribute> own = {
        {"bInterfaceNumber", Format("%02x\n", unsigned{interface.number})},
        {"bAlternateSetting", " 0\n"},
        {"bInterfaceClass", Format("%02x\n", unsigned{interface.interface_class})},
        {"bInterfaceSubClass", Format("%02x\n", unsigned{interface.subclass})},
        {"bInterfaceProtocol", Format("%02x\n", unsigned{interface.protocol})},
        {"bNumEndpoints", Format("%02zx\n", interface.endpoints.size())},
    };
    if (!interface.name.empty()) own.push_back({"interface", Line(interface.name)});
    Add({.path = path + '/' + prefix + Format(":1.%u", unsigned{interface.number}),
         .subsystem = "usb",
         .devtype = "usb_interface",
         .uevent = text.str()},
        true, own);
  }
  return path;
}

SysTree::Path SysTree::AddHidraw(const Path& device, const UsbAddress& address, const Interface& interface,
                                 const Descriptors& descriptors, const Texts& texts, unsigned minor) {
  const unsigned vendor = WordAt(descriptors.device, 8);
  const unsigned product = WordAt(descriptors.device, 10);
  const std::string of_interface = device + Format("/1-%u:1.%u", address.port, unsigned{interface.number});
  const Path hid = of_interface + Format("/0003:%04X:%04X.%04X", vendor, product, minor + 1);
  std::ostringstream uevent;
  uevent << "DRIVER=hid-generic\n"
         << Format("HID_ID=0003:%08X:%08X\n", vendor, product) << "HID_NAME=" << texts.vendor << ' ' << texts.product
         << '\n'
         << Format("HID_PHYS=usb-0000:00:14.0-%u/input%u\n", address.port, unsigned{interface.number})
         << "HID_UNIQ=" << texts.serial << '\n';
  Add({.path = hid, .subsystem = "hid", .uevent = uevent.str()}, true,
      {{"report_descriptor", std::string(interface.report.begin(), interface.report.end())}});
  const std::string name = Format("hidraw%u", minor);
  const Path path = hid + "/hidraw/" + name;
  Add({.path = path, .subsystem = "hidraw", .uevent = Format("MAJOR=240\nMINOR=%u\nDEVNAME=hidraw%u\n", minor, minor)},
      false, {{"dev", Format("240:%u\n", minor)}});
  Link(root_ + "/sys" + hid, root_ + "/sys" + path + "/device");
  return hid;
}

// Removes what is below first, as the kernel does.
void SysTree::Remove(const Path& path) {
  for (size_t i = entries_.size(); i-- > 0;) {
    const Entry entry = entries_[i];
    if (entry.path != path && !entry.path.starts_with(path + '/')) continue;
    entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(i));
    std::error_code ignored;
    fs::remove(entry.link, ignored);
    fs::remove_all(root_ + "/sys" + entry.path, ignored);
    Announce(entry, "remove");
  }
}

void SysTree::Announce(const Entry& entry, const std::string& action) {
  std::string properties;
  const auto add = [&](const std::string& property) { properties += property + '\0'; };
  add("ACTION=" + action);
  add("DEVPATH=" + entry.path);
  add("SUBSYSTEM=" + entry.subsystem);
  add("SEQNUM=" + std::to_string(sequence_++));
  std::istringstream lines(entry.uevent);
  for (std::string line; std::getline(lines, line);) {
    constexpr std::string_view kName = "DEVNAME=";
    add(line.starts_with(kName) ? "DEVNAME=/dev/" + line.substr(kName.size()) : line);
  }
  EventHeader header;
  header.properties_size = static_cast<uint32_t>(properties.size());
  header.subsystem_hash = htonl(Hash(entry.subsystem));
  if (!entry.devtype.empty()) header.devtype_hash = htonl(Hash(entry.devtype));
  Send(std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + properties);
}

// Sends the event to all current listeners. A listener that does not read misses it, as with the kernel's events.
void SysTree::Send(const std::string& message) const {
  for (const fs::directory_entry& file : fs::directory_iterator(root_)) {
    if (!file.path().filename().string().starts_with("event")) continue;
    const std::string path = file.path();
    sockaddr_un address = {.sun_family = AF_UNIX};
    std::memcpy(address.sun_path, path.c_str(), std::min(path.size() + 1, sizeof(address.sun_path) - 1));
    const int fd = socket(AF_UNIX, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sendto(fd, message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
           sizeof(address));
    close(fd);
  }
}

}  // namespace probegate::usbemu
