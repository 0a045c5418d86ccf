// Where a request belongs in its caller's trace: the traceparent of W3C Trace Context
// (https://www.w3.org/TR/trace-context, §3.2), by which the log lines of several programs are found to be of one
// request.
#pragma once

#include <string>
#include <string_view>

namespace probegate {

// The trace's id, 32 lower-case hex digits, of "00-<trace id>-<parent id>-<flags>", 55 characters exactly. A higher
// version, to ff exclusive, may have more after these, set off by another dash (§4.3). Empty where `traceparent` is
// anything else: upper-case digits, an id that is zero, spaces. Allocates only for what it returns; `traceparent` may
// be of any length and hold any bytes.
std::string TraceIdOf(std::string_view traceparent);

}  // namespace probegate
