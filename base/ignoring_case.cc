#include "base/ignoring_case.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace probegate {
namespace {

bool Same(char a, char b) {
  return absl::ascii_tolower(static_cast<unsigned char>(a)) == absl::ascii_tolower(static_cast<unsigned char>(b));
}

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), Same);
}

bool ContainsIgnoringCase(std::string_view text, std::string_view part) {
  return part.empty() || std::search(text.begin(), text.end(), part.begin(), part.end(), Same) != text.end();
}

}  // namespace probegate
