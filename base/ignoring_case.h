// Texts in which letters of either case are the same, as they are in a probe's unique id: pyOCD matches ids so, and
// whoever types one copies it from a list, a label or a script. ASCII's letters only, in every locale.
#pragma once

#include <string_view>

namespace probegate {

bool EqualsIgnoringCase(std::string_view a, std::string_view b);

// Whether `part` is in `text`, as an empty one is in any.
bool ContainsIgnoringCase(std::string_view text, std::string_view part);

}  // namespace probegate
