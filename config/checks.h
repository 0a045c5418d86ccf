// What an option's value must be, as checks for CLI::Option::check: each returns what is wrong with `text`, in words
// for the user, or nothing.
#pragma once

#include <functional>
#include <string>

namespace probegate {

// HOST:PORT, and HOST:PORT or HOST:PORT-PORT (base/endpoint.h).
std::string IsEndpoint(const std::string& text);
std::string IsEndpointRange(const std::string& text);

// A number of seconds from `least` to `most`.
std::function<std::string(const std::string& text)> IsSeconds(double least, double most);

}  // namespace probegate
