#include "debug/method_rights.h"

namespace probegate {
namespace {

constexpr MethodRow kRows[] = {
    {"/cc.arduino.cli.debug.Debug/Debug", Right::kDebug},
    {"/cc.arduino.cli.debug.Debug/GetDebugConfig", Right::kDebug},
    {"/cc.arduino.cli.debug.v1.DebugService/Debug", Right::kDebug},
    {"/cc.arduino.cli.debug.v1.DebugService/GetDebugConfig", Right::kDebug},
    {"/cc.arduino.cli.commands.v1.ArduinoCoreService/Debug", Right::kDebug},
    {"/cc.arduino.cli.commands.v1.ArduinoCoreService/GetDebugConfig", Right::kDebug},
    // It says which boards have a recipe, and nothing about probes.
    {"/cc.arduino.cli.commands.v1.ArduinoCoreService/IsDebugSupported", std::nullopt},
    {"/probegate.v1.DebugFiles/UploadElf", Right::kDebug},
};

}  // namespace

absl::Span<const MethodRow> DebugMethods() { return kRows; }

}  // namespace probegate
