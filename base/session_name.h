// A session's name: the public part of its id.
//
// An id is 128 random bits in hexadecimal, and who knows it can use the session. So lists, logs and messages show its
// first half only: 64 bits are enough that no two sessions share a name, and the other 64 are too many to guess.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace probegate {

inline constexpr size_t kSessionIdLength = 32;  // hexadecimal digits
inline constexpr size_t kSessionNameLength = kSessionIdLength / 2;

inline std::string SessionName(std::string_view session_id) {
  return std::string(session_id.substr(0, kSessionNameLength));
}

}  // namespace probegate
