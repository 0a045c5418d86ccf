#include "access/glob.h"

#include <algorithm>

#include "base/ignoring_case.h"

namespace probegate {

bool MatchesGlob(std::string_view pattern, std::string_view text, Case letters) {
  const auto same = [&](size_t p, size_t t) {
    if (pattern[p] == '?' || pattern[p] == text[t]) return true;
    return letters == Case::kIgnored && EqualsIgnoringCase(pattern.substr(p, 1), text.substr(t, 1));
  };
  size_t p = 0;
  size_t t = 0;
  size_t star = pattern.npos;  // the last '*' so far: if the rest does not match, it takes one byte more
  size_t taken = 0;            // up to where it has taken the text
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && same(p, t)) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

bool MatchesOneGlob(const std::vector<std::string>& patterns, std::string_view text, Case letters) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return MatchesGlob(pattern, text, letters); });
}

}  // namespace probegate
