#include "sim/board_directory.h"

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "spdlog/fmt/fmt.h"

namespace probegate::sim {

void MakeDirectory(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw std::runtime_error(fmt::format("cannot create directory {}: {}", directory, error.message()));
}

std::string FileNameOf(const std::string& serial, const std::string& extension) {
  std::string name;
  for (const char c : serial) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
    name += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  return name + extension;
}

}  // namespace probegate::sim
