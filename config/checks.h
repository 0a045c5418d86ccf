// Checks of options' values, for CLI::Option::check. Each returns an error message for the user, or an empty string if
// `text` is valid.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace probegate {

// HOST:PORT or unix:/PATH; HOST:PORT; and HOST:PORT or HOST:PORT-PORT (base/endpoint.h).
std::string IsServerAddress(const std::string& text);
std::string IsEndpoint(const std::string& text);
std::string IsEndpointRange(const std::string& text);

// A frequency (base/frequency.h).
std::string IsFrequency(const std::string& text);

// KEY=VALUE (base/labels.h).
std::string IsLabel(const std::string& text);

// The address of a host or of a network (base/address_range.h).
std::string IsAddressRange(const std::string& text);

// A whole number from `least` to `most`.
std::function<std::string(const std::string& text)> IsCount(uint64_t least, uint64_t most);

// A number of seconds from `least` to `most`.
std::function<std::string(const std::string& text)> IsSeconds(double least, double most);

}  // namespace probegate
