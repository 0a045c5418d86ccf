// Random numbers for names and secrets that nobody may guess.
#pragma once

#include <optional>
#include <string>

namespace probegate {

// 128 random bits, as 32 hexadecimal digits. Nothing if the system has no random numbers, which does not happen once it
// is up. Threads: any.
std::optional<std::string> RandomDigits();

}  // namespace probegate
