#include "base/grpc/client_tls.h"

#include <cstddef>
#include <utility>

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "base/grpc/pem.h"
#include "base/secret_file.h"

namespace probegate {
namespace {

constexpr unsigned kLookSeconds = 1;
constexpr size_t kMaxKeyBytes = size_t{1} << 20;

absl::Status Check(const ClientTlsFiles& files) {
  if (!files.ca.empty()) {
    const auto ca = ReadPemFile("--tls-ca", files.ca);
    if (!ca.ok()) return ca.status();
    if (absl::Status status = CheckCertificates(*ca); !status.ok()) return status;
  }
  if (files.certificate.empty()) return absl::OkStatus();
  const auto certificate = ReadPemFile("--tls-cert", files.certificate);
  if (!certificate.ok()) return certificate.status();
  auto key = ReadSecretFile("--tls-key", files.key, kMaxKeyBytes);
  if (!key.ok()) return key.status();
  return CheckPair(*certificate, {.option = "--tls-key", .path = files.key, .text = *std::move(key)});
}

}  // namespace

absl::StatusOr<ChannelSecurity> LoadClientTls(const ClientTlsFiles& files) {
  if (!files.enabled) return ChannelSecurity{};
  if (absl::Status status = Check(files); !status.ok()) return status;
  grpc::experimental::TlsChannelCredentialsOptions options;
  if (!files.ca.empty() || !files.certificate.empty()) {
    options.set_certificate_provider(std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
        files.key, files.certificate, files.ca, kLookSeconds));
  }
  // Without this call, gRPC uses the system's authorities.
  if (!files.ca.empty()) options.watch_root_certs();
  if (!files.certificate.empty()) options.watch_identity_key_cert_pairs();
  return ChannelSecurity{.tls = grpc::experimental::TlsCredentials(options), .server_name = files.server_name};
}

}  // namespace probegate
