// Limits of the wire contracts that a .proto file can state only in a comment.
#pragma once

namespace probegate {

// How many requests one StreamRequest may have in `posted` (probegate/v1/debug_probe.proto). The server ends the stream
// of a client that sends more; a client has to stay below.
inline constexpr int kMaxPosted = 256;

}  // namespace probegate
