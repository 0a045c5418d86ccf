#include "base/read_all.h"

#include <unistd.h>

#include <array>
#include <cerrno>

namespace probegate {

std::optional<std::string> ReadAll(int file, size_t max_bytes) {
  std::string text;
  std::array<char, 16'384> piece;
  while (text.size() <= max_bytes) {
    const ssize_t count = ::read(file, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) break;
    text.append(piece.data(), static_cast<size_t>(count));
  }
  return text;
}

}  // namespace probegate
