// A session's name: the public part of its ID.
//
// An ID is 128 random bits in hexadecimal. Anyone who knows it can use the session, so lists, logs and messages show
// only its first half. These 64 bits are enough to keep two sessions from having the same name, and the other 64 are
// too many to guess.
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
