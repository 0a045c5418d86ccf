// What a program that serves gRPC logs about TLS.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/endpoint.h"
#include "base/grpc/server_tls.h"
#include "base/tls_files.h"
#include "telemetry/log.h"

namespace probegate {

// As ServerTls::Start; null if TLS is not enabled. Logs when files have changed: tls.reloaded, or tls.not_reloaded with
// the reason. `log` must outlive the result.
absl::StatusOr<std::unique_ptr<ServerTls>> StartTls(const ServerTlsFiles& files, Log& log);

// Logs remote.allowed if --allow-remote is set, unless there is TLS, and each client needs a certificate or rules
// decide who may do what (`has_rules`, --access). `harm` says what anyone who can reach the port can do, such as
// "control the boards".
void WarnOfExposure(bool allow_remote, const Endpoint& listen, const ServerTlsFiles& tls, bool has_rules,
                    const std::string& harm, Log& log);

}  // namespace probegate
