// The trace that a request belongs to: the traceparent of W3C Trace Context (https://www.w3.org/TR/trace-context,
// §3.2). With its ID, the log lines that several programs wrote about one request can be found.
#pragma once

#include <string>
#include <string_view>

namespace probegate {

// The trace ID, 32 lower-case hex digits, of "00-<trace ID>-<parent ID>-<flags>", which must have exactly 55
// characters. Higher versions, except ff, may have more text, after another dash (§4.3). Returns an empty string if
// `traceparent` is anything else, for example if it has upper-case digits, an ID that is zero, or spaces. `traceparent`
// may have any length and contain any bytes. Memory is allocated only for the result.
std::string TraceIdOf(std::string_view traceparent);

}  // namespace probegate
