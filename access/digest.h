// SHA-256 (FIPS 180-4), by which tokens are compared and versions of files are named.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace probegate {

using Sha256Digest = std::array<uint8_t, 32>;

Sha256Digest Sha256(std::string_view bytes);

// The digest as 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view bytes);

// The first 12 digits of Sha256Hex: enough to tell the versions of a file apart.
std::string ShortDigest(std::string_view bytes);

}  // namespace probegate
