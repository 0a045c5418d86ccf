// Compares secrets.
#pragma once

#include <cstddef>
#include <string>

namespace probegate {

// Takes the same time wherever the two strings differ, so that an attacker cannot find out a session's ID digit by
// digit. This matters because the session's name, which is the first half of the ID, is public.
inline bool SameSecret(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  int difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

}  // namespace probegate
