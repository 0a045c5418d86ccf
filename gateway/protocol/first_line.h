// Tells a client of the remote protocol from a program that connected by mistake, or through a web page, by the first
// bytes that it sends.
//
// A web browser sends requests to any port that a page names, also on loopback, and most pages can choose the request's
// body. If the gateway skipped the lines that are not requests, the lines of such a body would be carried out. So a
// connection is only served if it begins with a JSON object, which no HTTP request and no TLS handshake does.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace probegate {

enum class FirstBytes : uint8_t {
  kTooFew,  // nothing but white space so far
  kObject,  // they begin a JSON object; the whole line may still be something else
  kHttp,    // they begin an HTTP request
  kTls,     // they begin a TLS handshake
  kOther,
};

// What the first bytes of a connection, all that have arrived so far, look like. White space and a byte order mark may
// come first, as in every request line, but not an LF, because an empty line is not a request.
FirstBytes LookAt(std::string_view bytes);

// Whether `line`, without its LF, is a JSON object. It need not be a valid request.
bool IsJsonObject(std::string_view line);

}  // namespace probegate
