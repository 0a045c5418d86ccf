# cmake -D INPUT=… -D OUTPUT=… -P embed.cmake: writes the source file for default_firmware.h, with the bytes of INPUT.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "// Made from firmware.bin by embed.cmake.
#include \"sim/firmware/default_firmware.h\"

namespace probegate::sim {
namespace {

constexpr uint8_t kBytes[] = {${bytes}};

}  // namespace

std::span<const uint8_t> DefaultFirmware() { return kBytes; }

}  // namespace probegate::sim
")
