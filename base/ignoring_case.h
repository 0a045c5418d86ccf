// Compares texts without regard to case. This is how unique IDs are compared: pyOCD does it that way, and people type
// IDs from a list, a label or a script. Only ASCII letters are affected, in every locale.
#pragma once

#include <string_view>

namespace probegate {

bool EqualsIgnoringCase(std::string_view a, std::string_view b);

// Whether `text` contains `part`. Every text contains an empty part.
bool ContainsIgnoringCase(std::string_view text, std::string_view part);

}  // namespace probegate
