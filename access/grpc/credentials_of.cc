#include "access/grpc/credentials_of.h"

#include <utility>

namespace probegate {

absl::StatusOr<Credentials> CredentialsOf(const ConnectionFacts& facts, CertificateCache& certificates) {
  Credentials credentials{.protection = facts.protection, .client = facts.peer.client, .uid = facts.uid};
  if (facts.authorization.size() > 1) {
    return absl::UnauthenticatedError("the call has several values of the metadata `authorization`; it may have one");
  }
  if (!facts.authorization.empty()) {
    auto token = BearerToken(facts.authorization.front());
    if (!token.ok()) return token.status();
    credentials.token = *std::move(token);
  } else if (!facts.certificate.empty()) {
    auto names = certificates.Read(facts.certificate);
    if (!names.ok()) return names.status();
    credentials.certificate = *std::move(names);
  }
  return credentials;
}

}  // namespace probegate
