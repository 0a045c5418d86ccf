// Compares secrets.
#pragma once

#include <cstddef>
#include <string>

namespace probegate {

// Takes equally long wherever the two differ, so that nobody can guess a session's id digit by digit: the session's
// name, which is its first half, is public.
inline bool SameSecret(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  int difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

}  // namespace probegate
