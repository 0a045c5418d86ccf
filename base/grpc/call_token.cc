#include "base/grpc/call_token.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "base/secret_file.h"

namespace probegate {
namespace {

constexpr char kOption[] = "--token-file";
// Servers accept 8 KiB of metadata. The longest tokens are JWTs with many claims.
constexpr size_t kMaxBytes = 8192;

// The token in the file, without the white space around it.
absl::StatusOr<std::string> ReadToken(const std::string& file) {
  auto text = ReadSecretFile(kOption, file, kMaxBytes);
  if (!text.ok()) return text.status();
  absl::StripAsciiWhitespace(&*text);
  if (text->empty()) return absl::InvalidArgumentError(std::string(kOption) + " " + file + ": it is empty");
  // Of what a header may contain, a token has no spaces.
  if (!std::ranges::all_of(*text, [](unsigned char c) { return absl::ascii_isgraph(c); })) {
    return absl::InvalidArgumentError(std::string(kOption) + " " + file +
                                      ": it must contain a token and nothing else, on one line");
  }
  return text;
}

class TokenFromFile final : public grpc::MetadataCredentialsPlugin {
 public:
  explicit TokenFromFile(std::string file) : file_(std::move(file)) {}

  grpc::Status GetMetadata(grpc::string_ref /*service*/, grpc::string_ref /*method*/, const grpc::AuthContext& /*peer*/,
                           std::multimap<grpc::string, grpc::string>* metadata) override {
    const auto token = ReadToken(file_);
    if (!token.ok()) return {grpc::StatusCode::UNAVAILABLE, std::string(token.status().message())};
    metadata->emplace("authorization", "Bearer " + *token);
    return grpc::Status::OK;
  }

 private:
  const std::string file_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::CallCredentials>> LoadCallToken(const std::string& file) {
  if (const auto token = ReadToken(file); !token.ok()) return token.status();
  // Channels decide whether a token may be sent (base/grpc/channel.h).
  return grpc::experimental::MetadataCredentialsFromPlugin(std::make_unique<TokenFromFile>(file), GRPC_SECURITY_NONE);
}

}  // namespace probegate
