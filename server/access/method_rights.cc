#include "server/access/method_rights.h"

namespace probegate {
namespace {

constexpr MethodRow kRows[] = {
    {"/probegate.v1.ProbeDirectory/ListProbes", Right::kView},
    {"/probegate.v1.ProbeDirectory/WatchProbes", Right::kView},
    {"/probegate.v1.ProbeDirectory/ListSessions", Right::kView},
    {"/probegate.v1.ProbeDirectory/Stats", Right::kView},
    // Clients may always end their own sessions. SessionRegistry::End checks `kick` for those of others.
    {"/probegate.v1.ProbeDirectory/EndSession", std::nullopt},
    {"/probegate.v1.ProbeDirectory/WhoAmI", std::nullopt},
    {"/probegate.v1.DebugProbe/Stream", Right::kUse},
    {"/probegate.v1.DebugProbe/OpenSession", Right::kUse},
    {"/probegate.v1.DebugProbe/CloseSession", std::nullopt},
    {"/probegate.v1.DebugProbe/GetState", Right::kUse},
    {"/probegate.v1.DebugProbe/Open", Right::kUse},
    {"/probegate.v1.DebugProbe/Close", Right::kUse},
    {"/probegate.v1.DebugProbe/Lock", Right::kUse},
    {"/probegate.v1.DebugProbe/Unlock", Right::kUse},
    {"/probegate.v1.DebugProbe/Connect", Right::kUse},
    {"/probegate.v1.DebugProbe/Disconnect", Right::kUse},
    {"/probegate.v1.DebugProbe/SwjSequence", Right::kUse},
    {"/probegate.v1.DebugProbe/SwdSequence", Right::kUse},
    {"/probegate.v1.DebugProbe/JtagSequence", Right::kUse},
    {"/probegate.v1.DebugProbe/SetClock", Right::kUse},
    {"/probegate.v1.DebugProbe/Reset", Right::kUse},
    {"/probegate.v1.DebugProbe/AssertReset", Right::kUse},
    {"/probegate.v1.DebugProbe/IsResetAsserted", Right::kUse},
    {"/probegate.v1.DebugProbe/Flush", Right::kUse},
    {"/probegate.v1.DebugProbe/ReadDp", Right::kUse},
    {"/probegate.v1.DebugProbe/WriteDp", Right::kUse},
    {"/probegate.v1.DebugProbe/ReadAp", Right::kUse},
    {"/probegate.v1.DebugProbe/WriteAp", Right::kUse},
    {"/probegate.v1.DebugProbe/ReadApMultiple", Right::kUse},
    {"/probegate.v1.DebugProbe/WriteApMultiple", Right::kUse},
    {"/probegate.v1.DebugProbe/GetMemoryInterfaceForAp", Right::kUse},
    {"/probegate.v1.DebugProbe/ReadMem", Right::kUse},
    {"/probegate.v1.DebugProbe/WriteMem", Right::kUse},
    {"/probegate.v1.DebugProbe/ReadBlock32", Right::kUse},
    {"/probegate.v1.DebugProbe/WriteBlock32", Right::kUse},
    {"/probegate.v1.DebugProbe/ReadBlock8", Right::kUse},
    {"/probegate.v1.DebugProbe/WriteBlock8", Right::kUse},
    {"/probegate.v1.DebugProbe/HasSwo", Right::kUse},
    {"/probegate.v1.DebugProbe/SwoStart", Right::kUse},
    {"/probegate.v1.DebugProbe/SwoStop", Right::kUse},
    {"/probegate.v1.DebugProbe/SwoRead", Right::kUse},
};

}  // namespace

absl::Span<const MethodRow> ServerMethods() { return kRows; }

}  // namespace probegate
