// Reads the names in a client certificate.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "access/credentials.h"

namespace probegate {

// The names in `pem`, which is one certificate that TLS has verified already; nothing is verified here. gRPC has it as
// the property x509_pem_cert. UNAUTHENTICATED if it cannot be parsed, or if a name contains a NUL byte, which would
// make it look like another name.
//
// Threads: any. Does not block.
absl::StatusOr<CertificateNames> ReadCertificate(std::string_view pem);

}  // namespace probegate
