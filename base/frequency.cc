#include "base/frequency.h"

#include <algorithm>
#include <cctype>
#include <limits>

namespace probegate {
namespace {

char Lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

bool TakeSuffix(std::string_view& text, std::string_view suffix) {
  if (text.size() < suffix.size()) return false;
  const bool ends = std::equal(suffix.begin(), suffix.end(), text.end() - static_cast<std::ptrdiff_t>(suffix.size()),
                               [](char a, char b) { return a == Lower(b); });
  if (ends) text.remove_suffix(suffix.size());
  return ends;
}

}  // namespace

std::optional<uint32_t> ParseFrequency(std::string_view text) {
  TakeSuffix(text, "hz");
  const double scale = TakeSuffix(text, "k") ? 1e3 : TakeSuffix(text, "m") ? 1e6 : 1;
  double number = 0;
  double place = 1;
  bool fraction = false;
  bool digits = false;
  for (const char c : text) {
    if (c == '.' && !fraction) {
      fraction = true;
    } else if (c >= '0' && c <= '9') {
      digits = true;
      if (fraction) place /= 10;
      number = fraction ? number + (c - '0') * place : number * 10 + (c - '0');
    } else {
      return std::nullopt;
    }
  }
  const double hertz = number * scale + 1e-6;  // 2.3 M is 2300000, although 2.3 has no exact representation
  if (!digits || hertz < 1 || hertz >= std::numeric_limits<uint32_t>::max() + 1.0) return std::nullopt;
  return static_cast<uint32_t>(hertz);
}

}  // namespace probegate
