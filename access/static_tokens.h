// Tokens that a server knows by name: the file that --tokens names.
//
// One token per line: its name, the SHA-256 of the token as 64 hexadecimal digits, and, optionally, when it expires, as
// RFC 3339 or as a date, which means the beginning of that day in UTC. Empty lines are ignored, and so is what follows
// a '#'.
//
//   bench-1   5e88…d8
//   ci        9f86…08   2027-01-01            # renewed every year
//
// The file has no secrets: a token has 256 random bits, so that it cannot be found from its digest.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "access/digest.h"

namespace probegate {

// Threads: constant once parsed, so any. Nothing blocks.
class StaticTokens {
 public:
  struct Token {
    std::string name;
    Sha256Digest digest;
    absl::Time expires = absl::InfiniteFuture();
  };

  StaticTokens() = default;

  // Parses the text of `file`, whose name is for messages. INVALID_ARGUMENT, with FILE:LINE, if a line is invalid, or
  // if a name or a digest occurs twice.
  static absl::StatusOr<StaticTokens> Parse(std::string_view text, const std::string& file);

  // The token of which `secret` is the text, also if it has expired. nullptr if there is none. Takes the same time for
  // each secret of the same length, because every digest is compared, and all of its bytes.
  const Token* Find(std::string_view secret) const;

  size_t size() const { return tokens_.size(); }

 private:
  std::vector<Token> tokens_;
};

// Whether `name` can be the name of a token: 1 to 64 letters, digits, '.', '_', '@' or '-'.
bool IsTokenName(std::string_view name);

// Parses what a line may end with: RFC 3339, such as 2027-01-01T12:00:00Z, or a date, such as 2027-01-01.
absl::StatusOr<absl::Time> ParseExpiry(std::string_view text);

}  // namespace probegate
