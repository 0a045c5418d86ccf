#include "telemetry/grpc/tls_log.h"

namespace probegate {

absl::StatusOr<std::unique_ptr<ServerTls>> StartTls(const ServerTlsFiles& files, Log& log) {
  if (!files.enabled()) return nullptr;
  return ServerTls::Start(files, [&log, certificate = files.certificate](const absl::Status& status) {
    if (status.ok()) {
      log.Write(LogLevel::kInfo, "tls.reloaded", "New connections use the files of TLS as they are now",
                {{"certificate", certificate}});
    } else {
      const std::string why(status.message());
      log.Write(LogLevel::kWarning, "tls.not_reloaded",
                "The files of TLS have changed, but cannot be used; those before stay in use: " + why,
                {{"reason", why}});
    }
  });
}

void WarnOfExposure(bool allow_remote, const Endpoint& listen, const ServerTlsFiles& tls, bool has_rules,
                    const std::string& harm, Log& log) {
  if (!allow_remote || (tls.enabled() && (tls.client_required || has_rules))) return;
  log.Warning("remote.allowed",
              {{"listen", listen.ToString()},
               {"risk", "anyone who can reach this port can " + harm +
                            (tls.enabled() ? "; use --tls-client-ca and --tls-client-required to ask for a certificate"
                                           : ", and nothing is encrypted")}});
}

}  // namespace probegate
