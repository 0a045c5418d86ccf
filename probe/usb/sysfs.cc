#include "probe/usb/sysfs.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file_descriptor.h"

namespace probegate::usb {
namespace {

constexpr size_t kMostBytes = 512 * 1024;  // of one file: more than all the configurations that a device can have

std::optional<std::string> Content(const std::string& file) {
  const FileDescriptor opened(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened.ok()) return std::nullopt;
  std::string content;
  std::array<char, 4096> piece;
  while (content.size() < kMostBytes) {
    const ssize_t size = read(opened.number(), piece.data(), piece.size());
    if (size < 0) return std::nullopt;
    if (size == 0) return content;
    content.append(piece.data(), static_cast<size_t>(size));
  }
  return std::nullopt;
}

}  // namespace

SysfsDevice::SysfsDevice(const std::string& path) : path_(path), directory_(absl::StrCat(kSysfsDevices, path, "/")) {}

std::optional<std::string> SysfsDevice::Text(const std::string& name) const {
  std::optional<std::string> text = Content(directory_ + name);
  if (text) *text = std::string(absl::StripSuffix(*text, "\n"));
  return text;
}

std::vector<uint8_t> SysfsDevice::Descriptors() const {
  const std::string bytes = Content(directory_ + "descriptors").value_or("");
  return {bytes.begin(), bytes.end()};
}

std::optional<uint8_t> SysfsDevice::ConfigurationValue() const {
  uint32_t value = 0;
  if (!absl::SimpleAtoi(Text("bConfigurationValue").value_or(""), &value) || value > UINT8_MAX) return std::nullopt;
  return static_cast<uint8_t>(value);
}

std::string SysfsDevice::InterfaceDirectory(uint8_t configuration, uint8_t number) const {
  return absl::StrCat(directory_, path_, ":", configuration, ".", number, "/");
}

bool SysfsDevice::HasInterface(uint8_t configuration, uint8_t number) const {
  return access(InterfaceDirectory(configuration, number).c_str(), F_OK) == 0;
}

std::optional<std::string> SysfsDevice::InterfaceName(uint8_t configuration, uint8_t number) const {
  std::optional<std::string> name = Content(InterfaceDirectory(configuration, number) + "interface");
  if (name) *name = std::string(absl::StripSuffix(*name, "\n"));
  return name;
}

// The file is in the HID device's directory. That directory's name contains a number that can only be found by
// searching ("0003:0D28:0204.0001").
std::vector<uint8_t> SysfsDevice::ReportDescriptor(uint8_t configuration, uint8_t number) const {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(InterfaceDirectory(configuration, number), ignored)) {
    if (!absl::StrContains(entry.path().filename().native(), ':')) continue;
    const std::string bytes = Content(entry.path() / "report_descriptor").value_or("");
    if (!bytes.empty()) return {bytes.begin(), bytes.end()};
  }
  return {};
}

}  // namespace probegate::usb
