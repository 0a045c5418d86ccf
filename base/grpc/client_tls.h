// How a program that calls others over gRPC protects its connections, and proves who it is.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/security/credentials.h>

#include "absl/status/statusor.h"
#include "base/tls_files.h"

namespace probegate {

// How a program's channels are protected.
struct ChannelSecurity {
  std::shared_ptr<grpc::ChannelCredentials> tls;  // null: nothing is encrypted
  // The name that must be in the server's certificate; empty: the one that the user wrote, which is the authority of
  // the channel.
  std::string server_name;
  // Sends a token with each call (base/grpc/call_token.h); null: none is sent.
  std::shared_ptr<grpc::CallCredentials> token;
};

// Reads the files; no TLS if they are not enabled. INVALID_ARGUMENT, with one line that names the file and what is
// wrong with it. The server is checked for a certificate that is valid, from one of the authorities, and for its name.
// The files are looked at every second, and channels use them the next time that they connect. While key and
// certificate do not belong to each other, they cannot connect; connections that exist go on. The key must be secret
// (base/secret_file.h). Blocks on the file system. Threads: any.
absl::StatusOr<ChannelSecurity> LoadClientTls(const ClientTlsFiles& files);

}  // namespace probegate
