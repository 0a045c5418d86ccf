// A client's text in a message for it.
#pragma once

#include <string>
#include <string_view>

#include "base/one_line.h"

namespace probegate {

// `text` in quotation marks, as one line that is not too long for the details of a gRPC status.
inline std::string Quoted(std::string_view text) { return '"' + OneLine(text, 200) + '"'; }

}  // namespace probegate
