// Checks the files of TLS before gRPC gets them. gRPC itself would refuse every connection and say nothing.
//
// Each error is one line that names the option, the file, what is wrong with it and, where there is one, the remedy.
// Threads: any. The functions block on the file system.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace probegate {

// A file and what is in it. `option` is that which named it, for messages.
struct PemFile {
  std::string option;
  std::string path;
  std::string text;

  // "--tls-cert /etc/probegate/tls.crt"
  std::string name() const { return option + " " + path; }
};

// Reads a file of at most 1 MiB. INVALID_ARGUMENT if that fails.
absl::StatusOr<PemFile> ReadPemFile(std::string_view option, const std::string& path);

// INVALID_ARGUMENT unless `file` consists of one certificate or more.
absl::Status CheckCertificates(const PemFile& file);

// When the first of the certificates in `file` expires. INVALID_ARGUMENT as CheckCertificates.
absl::StatusOr<std::chrono::system_clock::time_point> FirstExpiry(const PemFile& file);

// INVALID_ARGUMENT unless the first certificate in `certificate` is valid now and belongs to the private key in `key`,
// which must not be encrypted.
absl::Status CheckPair(const PemFile& certificate, const PemFile& key);

// INVALID_ARGUMENT unless `directory` has a revocation list of each authority in `ca`, under the name by which OpenSSL
// looks for it (`openssl rehash`): an authority whose list is not found would count as one that has revoked nothing.
absl::Status CheckRevocationLists(std::string_view option, const std::string& directory, const PemFile& ca);

}  // namespace probegate
