// What every call passes when it begins, before any of its messages is read: who makes it, and may it call this method?
#pragma once

#include <string>

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "access/certificate_cache.h"
#include "access/service/access_control.h"
#include "access/service/caller.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

class CallGate {
 public:
  // Both must outlive this.
  CallGate(AccessControl& access, const RpcMetrics& rpcs) : access_(access), rpcs_(rpcs) {}

  // The caller of `context`. Errors: as AccessControl::Identify and CheckMethod. Threads: any.
  absl::StatusOr<Caller> Admit(const std::string& method, const grpc::ServerContextBase& context) const;

  // Counts a call of `method`.
  RpcScope Count(const std::string& method) const { return rpcs_.Begin(method); }

 private:
  AccessControl& access_;
  const RpcMetrics& rpcs_;
  mutable CertificateCache certificates_;
};

}  // namespace probegate
