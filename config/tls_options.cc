#include "config/tls_options.h"

#include <cstdint>
#include <variant>

namespace probegate {
namespace {

using Text = std::string TlsOptions::*;
using Flag = bool TlsOptions::*;

struct Row {
  const char* name;
  const char* value;  // what --help calls it; null: a flag
  std::variant<Text, Flag> member;
  bool for_server;
  bool for_client;
  const char* what;
};

constexpr Row kRows[] = {
    {"--tls-cert", "FILE", &TlsOptions::certificate, true, true,
     "PEM file with this program's certificate, and those of intermediate authorities after it"},
    {"--tls-key", "FILE", &TlsOptions::key, true, true,
     "PEM file with the private key of --tls-cert; may be the same file"},
    {"--tls-client-ca", "FILE", &TlsOptions::client_ca, true, false,
     "PEM file with the authorities of client certificates; asks clients for one"},
    {"--tls-client-required", nullptr, &TlsOptions::client_required, true, false,
     "Refuse clients that have no certificate of --tls-client-ca"},
    {"--tls-crl-dir", "DIR", &TlsOptions::crl_directory, true, false,
     "Folder with the revocation lists of --tls-client-ca, prepared with `openssl rehash`"},
    {"--tls", nullptr, &TlsOptions::use, false, true,
     "Connect to servers with TLS; implied by --tls-ca and --tls-server-name. Unix sockets do not need it"},
    {"--tls-ca", "FILE", &TlsOptions::ca, false, true,
     "PEM file with the authorities of server certificates; without it, the system's"},
    {"--tls-server-name", "NAME", &TlsOptions::server_name, false, true,
     "The name in the servers' certificates, if it is not the one used to connect"},
};

struct Need {
  const char* name;
  const char* needs;
  bool (*given)(const TlsOptions& options);
  bool (*met)(const TlsOptions& options);
};

constexpr Need kNeeds[] = {
    {"--tls-cert", "--tls-key", [](const TlsOptions& o) { return !o.certificate.empty(); },
     [](const TlsOptions& o) { return !o.key.empty(); }},
    {"--tls-key", "--tls-cert", [](const TlsOptions& o) { return !o.key.empty(); },
     [](const TlsOptions& o) { return !o.certificate.empty(); }},
    {"--tls-client-ca", "--tls-cert", [](const TlsOptions& o) { return !o.client_ca.empty(); },
     [](const TlsOptions& o) { return !o.certificate.empty(); }},
    {"--tls-client-required", "--tls-client-ca", [](const TlsOptions& o) { return o.client_required; },
     [](const TlsOptions& o) { return !o.client_ca.empty(); }},
    {"--tls-crl-dir", "--tls-client-ca", [](const TlsOptions& o) { return !o.crl_directory.empty(); },
     [](const TlsOptions& o) { return !o.client_ca.empty(); }},
};

}  // namespace

ServerTlsFiles TlsOptions::server() const {
  return {.certificate = certificate,
          .key = key,
          .client_ca = client_ca,
          .client_required = client_required,
          .crl_directory = crl_directory};
}

ClientTlsFiles TlsOptions::client(TlsRole role) const {
  const bool implied = !ca.empty() || !server_name.empty() || (role == TlsRole::kClient && !certificate.empty());
  return {.enabled = use || implied, .ca = ca, .certificate = certificate, .key = key, .server_name = server_name};
}

void AddTlsOptions(CLI::App& app, TlsRole role, TlsOptions& options) {
  for (const Row& row : kRows) {
    const bool wanted = (row.for_server && role != TlsRole::kClient) || (row.for_client && role != TlsRole::kServer);
    if (!wanted) continue;
    if (const Text* const text = std::get_if<Text>(&row.member)) {
      app.add_option(row.name, options.*(*text), row.what)->option_text(row.value);
    } else {
      app.add_flag(row.name, options.*std::get<Flag>(row.member), row.what);
    }
  }
}

std::optional<std::string> WrongTlsOptions(const TlsOptions& options) {
  for (const Need& need : kNeeds) {
    if (need.given(options) && !need.met(options)) return std::string(need.name) + " needs " + need.needs;
  }
  return std::nullopt;
}

void Exposure::AddTo(CLI::App& app, const std::string& allow_remote_help) {
  app.add_flag("--allow-remote", allow_remote, allow_remote_help);
  app.add_flag("--insecure", insecure,
               "With --allow-remote: serve other machines without TLS. Anyone who can reach the port, or the network "
               "in between, then controls the boards");
  app.add_option("--listen-group", group,
                 "With --listen unix:/PATH: the group whose members may connect; the socket has mode 0660")
      ->option_text("NAME");
}

std::optional<std::string> Exposure::Refuse(const Endpoint& listen, const ServerTlsFiles& tls) const {
  if (!group.empty() && !listen.is_unix()) return "--listen-group needs --listen unix:/PATH";
  if (listen.is_unix() || IsLoopback(listen.host)) return std::nullopt;
  const std::string where = "--listen " + listen.ToString() + ": other machines can reach this address; ";
  if (!allow_remote) {
    return where + "use --allow-remote to allow that, with --tls-cert and --tls-key, or with --insecure";
  }
  if (!tls.enabled() && !insecure) {
    return where + "use --tls-cert and --tls-key to encrypt their connections, or --insecure to serve them without TLS";
  }
  return std::nullopt;
}

}  // namespace probegate
