#include "access/new_token.h"

#include <openssl/rand.h>

#include <array>

#include "absl/strings/escaping.h"
#include "access/digest.h"
#include "access/static_tokens.h"
#include "base/one_line.h"

namespace probegate {
namespace {

constexpr char kPrefix[] = "pgt_";  // so that people and secret scanners recognise a token
constexpr size_t kShown = 80;       // bytes of a name that a message quotes

}  // namespace

absl::StatusOr<NewToken> MakeToken(std::string_view name, std::optional<absl::Time> expires) {
  if (!IsTokenName(name)) {
    return absl::InvalidArgumentError("cannot make a token named " + OneLine(name, kShown) +
                                      ": a name has 1 to 64 letters, digits, '.', '_', '@' or '-'");
  }
  std::array<unsigned char, 32> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return absl::UnavailableError("cannot make a token: the system has no random bytes");
  }
  const absl::string_view bytes(reinterpret_cast<const char*>(random.data()), random.size());
  NewToken token;
  token.secret = kPrefix + absl::WebSafeBase64Escape(bytes);
  token.line = std::string(name) + " " + Sha256Hex(token.secret);
  if (expires) token.line += " " + absl::FormatTime(absl::RFC3339_sec, *expires, absl::UTCTimeZone());
  return token;
}

}  // namespace probegate
