// The firmware of this folder, for the simulator: what each board has in flash unless it is given something else.
#pragma once

#include <cstdint>
#include <span>

namespace probegate::sim {

// The contents of flash from address 0. They last as long as the program.
std::span<const uint8_t> DefaultFirmware();

}  // namespace probegate::sim
