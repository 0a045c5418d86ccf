#include "base/grpc/client_security.h"

#include <utility>

#include "base/grpc/call_token.h"

namespace probegate {

absl::StatusOr<ChannelSecurity> LoadClientSecurity(const ClientFiles& files) {
  auto security = LoadClientTls(files.tls);
  if (!security.ok() || files.token.empty()) return security;
  auto token = LoadCallToken(files.token);
  if (!token.ok()) return token.status();
  security->token = *std::move(token);
  return security;
}

}  // namespace probegate
