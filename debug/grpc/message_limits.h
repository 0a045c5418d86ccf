// How large messages to probegate-debugd may be. They are small, because a message can take many times its size while
// it is parsed, and because each stream may hold one that has not been counted yet.
#pragma once

#include <cstddef>

namespace probegate {

// The size of any message: 1 MiB of input or of a file, and room for what is sent with it.
inline constexpr int kMaxDebugMessageBytes = (1 << 20) + (64 << 10);

// The size of the request of a call that is answered once. It has only names.
inline constexpr size_t kMaxConfigBytes = size_t{64} << 10;

}  // namespace probegate
