// The firmware of this folder, for the simulator: the default contents of each board's flash.
#pragma once

#include <cstdint>
#include <span>

namespace probegate::sim {

// The contents of flash from address 0, which are valid for the whole run of the program.
std::span<const uint8_t> DefaultFirmware();

}  // namespace probegate::sim
