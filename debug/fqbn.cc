#include "debug/fqbn.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "debug/quoted.h"

namespace probegate {
namespace {

constexpr size_t kBoardParts = 3;

absl::Status Malformed(const std::string& text, const std::string& what) {
  return absl::InvalidArgumentError(
      "fqbn " + Quoted(text) + " " + what +
      "; use vendor:architecture:board or vendor:architecture:board:option=value,option=value");
}

bool IsOption(std::string_view text) {
  const size_t equals = text.find('=');
  return equals != std::string_view::npos && !absl::StripAsciiWhitespace({text.data(), equals}).empty();
}

}  // namespace

absl::StatusOr<Fqbn> Fqbn::Parse(const std::string& text) {
  if (text.empty()) return absl::InvalidArgumentError("fqbn is empty; it must name the board");
  std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() == 2 || parts.size() > kBoardParts + 1) {
    return Malformed(text, "has " + std::to_string(parts.size()) + " parts");
  }
  Fqbn fqbn;
  if (parts.size() > kBoardParts) {
    fqbn.options_ = absl::StrSplit(parts.back(), ',');
    parts.pop_back();
  }
  if (parts.back().empty()) return Malformed(text, "has an empty board name");
  for (const std::string& option : fqbn.options_) {
    if (!IsOption(option)) return Malformed(text, "has the invalid option " + Quoted(option));
  }
  fqbn.board_ = absl::StrJoin(parts, ":");
  return fqbn;
}

std::string Fqbn::ToString() const { return options_.empty() ? board_ : board_ + ':' + absl::StrJoin(options_, ","); }

std::string Fqbn::BuildFolder() const {
  std::string folder = board_;
  std::replace(folder.begin(), folder.end(), ':', '.');
  return folder;
}

Fqbn Fqbn::WithoutOption(size_t number) const {
  Fqbn fqbn = *this;
  fqbn.options_.erase(fqbn.options_.begin() + static_cast<std::ptrdiff_t>(number));
  return fqbn;
}

}  // namespace probegate
