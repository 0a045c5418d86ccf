// From what gRPC knows about a connection to what Authenticator needs.
#pragma once

#include "absl/status/statusor.h"
#include "access/certificate_cache.h"
#include "access/credentials.h"
#include "base/grpc/connection_facts.h"

namespace probegate {

// UNAUTHENTICATED if the certificate cannot be read (access/certificate.h), or if `authorization` is not one bearer
// token. The message never has a part of a token.
//
// Threads: any. Does not block.
absl::StatusOr<Credentials> CredentialsOf(const ConnectionFacts& facts, CertificateCache& certificates);

}  // namespace probegate
