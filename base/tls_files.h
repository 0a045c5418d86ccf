// The files with which a program protects its gRPC connections by TLS, as named on its command line. All are PEM.
//
// base/grpc/server_tls.h and base/grpc/client_tls.h make credentials of them.
#pragma once

#include <string>

namespace probegate {

// For the side that listens. It uses TLS if `certificate` is not empty.
struct ServerTlsFiles {
  std::string certificate;       // the program's own, followed by those of intermediate authorities
  std::string key;               // of `certificate`; may be the same file
  std::string client_ca;         // authorities of client certificates; empty: clients are not asked for one
  bool client_required = false;  // a client without a certificate is refused
  std::string crl_directory;     // revocation lists of the authorities in `client_ca`; empty: none

  bool enabled() const { return !certificate.empty(); }
};

// For the side that connects.
struct ClientTlsFiles {
  bool enabled = false;
  std::string ca;           // authorities of server certificates; empty: the system's
  std::string certificate;  // the program's own, for servers that ask for one; empty: none
  std::string key;
  std::string server_name;  // the name in the server's certificate; empty: the one that the user wrote to connect
};

}  // namespace probegate
