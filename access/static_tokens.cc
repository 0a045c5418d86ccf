#include "access/static_tokens.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "base/one_line.h"

namespace probegate {
namespace {

constexpr size_t kMaxTokens = 10'000;  // so that a wrong token is found out soon
constexpr size_t kMaxTokenName = 64;   // characters
constexpr size_t kShown = 80;          // bytes of a word that a message quotes

absl::StatusOr<Sha256Digest> ParseDigest(const std::string& text) {
  const bool digits = std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
  Sha256Digest digest{};
  if (text.size() != 2 * digest.size() || !digits) {
    // Not quoted: it may be the token itself.
    return absl::InvalidArgumentError("the second word must be the SHA-256 of the token, in 64 hexadecimal digits");
  }
  const std::string bytes = absl::HexStringToBytes(text);
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

absl::StatusOr<StaticTokens::Token> ParseLine(const std::vector<std::string>& words) {
  if (words.size() < 2 || words.size() > 3) {
    return absl::InvalidArgumentError(
        "a line must have a name, the SHA-256 of the token, and optionally when it expires");
  }
  StaticTokens::Token token;
  token.name = words[0];
  if (!IsTokenName(token.name)) {
    return absl::InvalidArgumentError("the name " + OneLine(token.name, kShown) +
                                      " must have 1 to 64 letters, digits, '.', '_', '@' or '-'");
  }
  const auto digest = ParseDigest(words[1]);
  if (!digest.ok()) return digest.status();
  token.digest = *digest;
  if (words.size() == 3) {
    const auto expires = ParseExpiry(words[2]);
    if (!expires.ok()) return expires.status();
    token.expires = *expires;
  }
  return token;
}

}  // namespace

absl::StatusOr<StaticTokens> StaticTokens::Parse(std::string_view text, const std::string& file) {
  StaticTokens tokens;
  std::map<std::string, int> names;  // and in which line they are
  std::map<Sha256Digest, int> digests;
  int number = 0;
  const auto refuse = [&file, &number](std::string_view why) {
    return absl::InvalidArgumentError(file + ":" + std::to_string(number) + ": " + std::string(why));
  };
  for (const absl::string_view line : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    const std::vector<std::string> words =
        absl::StrSplit(line.substr(0, line.find('#')), absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.empty()) continue;
    auto token = ParseLine(words);
    if (!token.ok()) return refuse({token.status().message().data(), token.status().message().size()});
    const auto [same_name, is_new_name] = names.emplace(token->name, number);
    if (!is_new_name) {
      return refuse("the name " + token->name + " is already in line " + std::to_string(same_name->second));
    }
    const auto [same_digest, is_new_digest] = digests.emplace(token->digest, number);
    if (!is_new_digest) {
      return refuse("the token of " + token->name + " is already in line " + std::to_string(same_digest->second));
    }
    if (tokens.tokens_.size() == kMaxTokens) return refuse("more than " + std::to_string(kMaxTokens) + " tokens");
    tokens.tokens_.push_back(*std::move(token));
  }
  return tokens;
}

const StaticTokens::Token* StaticTokens::Find(std::string_view secret) const {
  const Sha256Digest digest = Sha256(secret);
  const Token* found = nullptr;
  for (const Token& token : tokens_) {
    if (CRYPTO_memcmp(token.digest.data(), digest.data(), digest.size()) == 0) found = &token;
  }
  return found;
}

bool IsTokenName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxTokenName && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '@' || c == '-';
  });
}

absl::StatusOr<absl::Time> ParseExpiry(std::string_view text) {
  const absl::string_view input(text.data(), text.size());
  absl::Time time;
  for (const char* const format : {absl::RFC3339_full, "%Y-%m-%d"}) {
    if (absl::ParseTime(format, input, absl::UTCTimeZone(), &time, nullptr)) return time;
  }
  return absl::InvalidArgumentError(OneLine(text, kShown) +
                                    " is not a time; write a date such as 2027-01-01, or 2027-01-01T12:00:00Z");
}

}  // namespace probegate
