// The options for TLS, which are the same in every program that has them.
#pragma once

#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "base/endpoint.h"
#include "base/tls_files.h"

namespace probegate {

// What a program does with gRPC. One that does both has one certificate, for both.
enum class TlsRole { kServer, kClient, kBoth };

struct TlsOptions {
  std::string certificate;
  std::string key;
  std::string client_ca;
  bool client_required = false;
  std::string crl_directory;
  bool use = false;  // --tls
  std::string ca;
  std::string server_name;

  ServerTlsFiles server() const;
  // A program that only connects also uses TLS if it is given a certificate.
  ClientTlsFiles client(TlsRole role) const;
};

// Adds the options of the role: --tls-cert and the others. `options` must live until the arguments have been parsed.
void AddTlsOptions(CLI::App& app, TlsRole role, TlsOptions& options);

// To be called when the arguments have been parsed: what is wrong with the options together; nothing if they are right.
std::optional<std::string> WrongTlsOptions(const TlsOptions& options);

// --allow-remote, --insecure and --listen-group: whom a program may serve, and whether in the clear.
struct Exposure {
  bool allow_remote = false;
  bool insecure = false;
  std::string group;  // that may connect to a unix socket; empty: the one of the process

  void AddTo(CLI::App& app, const std::string& allow_remote_help);
  // Why the program must not listen on `listen`; nothing if it may. The message names the options that allow it.
  std::optional<std::string> Refuse(const Endpoint& listen, const ServerTlsFiles& tls) const;
};

}  // namespace probegate
