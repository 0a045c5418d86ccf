#include "config/checks.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "base/address_range.h"
#include "base/endpoint.h"
#include "base/frequency.h"
#include "base/labels.h"

namespace probegate {

std::string IsServerAddress(const std::string& text) {
  return ParseAddress(text) ? "" : text + " is neither HOST:PORT nor unix:/PATH";
}

std::string IsEndpoint(const std::string& text) { return ParseEndpoint(text) ? "" : text + " is not HOST:PORT"; }

std::string IsEndpointRange(const std::string& text) {
  return ParseEndpointRange(text).empty() ? text + " is neither HOST:PORT nor HOST:PORT-PORT" : "";
}

std::string IsFrequency(const std::string& text) {
  return ParseFrequency(text) ? "" : text + " is not a frequency from 1 Hz to 4294 MHz, such as 400k or 2M";
}

std::string IsLabel(const std::string& text) { return ParseLabel(text) ? "" : text + " is not KEY=VALUE"; }

std::string IsAddressRange(const std::string& text) {
  return AddressRange::Parse(text) ? "" : text + " is neither an IP address nor a network such as 10.0.0.0/8";
}

std::function<std::string(const std::string& text)> IsCount(uint64_t least, uint64_t most) {
  return [least, most](const std::string& text) {
    uint64_t count = 0;
    const bool fits = CLI::detail::lexical_cast(text, count) && count >= least && count <= most;
    return fits ? "" : absl::StrCat(text, " is not a whole number from ", least, " to ", most);
  };
}

std::function<std::string(const std::string& text)> IsSeconds(double least, double most) {
  return [least, most](const std::string& text) {
    // CLI11's own range check accepts nan.
    double seconds = 0;
    const bool fits = CLI::detail::lexical_cast(text, seconds) && seconds >= least && seconds <= most;
    return fits ? "" : absl::StrCat(text, " is not a number of seconds from ", least, " to ", most);
  };
}

}  // namespace probegate
