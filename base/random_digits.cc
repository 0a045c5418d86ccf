#include "base/random_digits.h"

#include <sys/random.h>

#include <array>
#include <cerrno>

#include "absl/strings/escaping.h"

namespace probegate {

std::optional<std::string> RandomDigits() {
  std::array<char, 16> bytes;
  ssize_t got = 0;
  do {
    got = getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(bytes.size())) return std::nullopt;
  return absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

}  // namespace probegate
