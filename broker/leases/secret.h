// The secrets of leases.
#pragma once

#include <string>
#include <string_view>

#include "access/digest.h"

namespace probegate::broker {

inline constexpr size_t kSecretLength = 32;  // hexadecimal digits

// 128 random bits in hexadecimal. Threads: any. Does not block once the system is up.
std::string NewSecret();

// The SHA-256 of a secret, as bytes: what is stored, and what servers compare.
std::string DigestOf(std::string_view secret);

// The name of the lease with this digest, for lists and logs: the first 64 bits in hexadecimal. It does not help to
// find the secret.
std::string NameOf(std::string_view digest);

}  // namespace probegate::broker
