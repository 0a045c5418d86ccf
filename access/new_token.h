// Makes static tokens, for `probegate token new`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace probegate {

struct NewToken {
  std::string secret;  // "pgt_" and 43 characters: what the client sends. It is shown once, and stored nowhere
  std::string line;    // without a newline: what belongs into the server's file (access/static_tokens.h)
};

// A token of 32 random bytes. `expires` is optional. INVALID_ARGUMENT if `name` cannot be the name of a token;
// UNAVAILABLE if the system has no random bytes.
//
// Threads: any. Does not block, except while the system has just started and has no random bytes yet.
absl::StatusOr<NewToken> MakeToken(std::string_view name, std::optional<absl::Time> expires = std::nullopt);

}  // namespace probegate
