#include "access/service/access_trail.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "access/service/metric_rows.h"

namespace probegate {
namespace {

// How many identities and methods are remembered that were denied. If there are more, all are forgotten.
constexpr size_t kMostGates = 1024;

std::string Standing(const std::string& reason, uint64_t count) {
  return count > 1 ? absl::StrCat(reason, " (and ", count - 1, " other calls)") : reason;
}

}  // namespace

AccessTrail::AccessTrail(Log& log, MetricSet& metrics, AuditLog* audit)
    : log_(log),
      audit_(audit),
      unauthenticated_(metrics, rows::kAccessDenials, {"unauthenticated"}),
      denied_(metrics, rows::kAccessDenials, {"denied"}),
      invalid_(metrics, rows::kAccessInvalid) {}

void AccessTrail::OnUnauthenticated(const Peer& peer, const std::string& method, const absl::Status& why) {
  unauthenticated_.Add();
  std::optional<uint64_t> count;
  {
    MutexLock lock(mutex_);
    count = refused_.Admit(FloodGate::Clock::now());
  }
  if (!count) return;
  const std::string reason(why.message());
  log_.Warning("client.unauthenticated",
               {{"peer", peer.address}, {"method", method}, {"reason", reason}, {"calls", *count}});
  if (audit_ == nullptr) return;
  audit_->Write({.kind = AuditKind::kCall,
                 .time = absl::Now(),
                 .decision = AuditDecision::kDenied,
                 .peer = peer.address,
                 .method = method,
                 .reason = Standing(reason, *count)});
}

void AccessTrail::OnDenied(const Caller& caller, const std::string& probe, const Decision& decision,
                           const Policy& policy) {
  denied_.Add();
  const std::string identity = caller.identity.Text();
  std::optional<uint64_t> count;
  std::optional<uint64_t> audited;
  {
    MutexLock lock(mutex_);
    const auto now = FloodGate::Clock::now();
    count = denials_.Admit(now);
    const std::string key = absl::StrCat(identity, " ", caller.method);
    if (audited_.size() >= kMostGates && !audited_.contains(key)) audited_.clear();
    audited = audited_[key].Admit(now);
  }
  if (count) {
    log_.Warning("client.denied", {{"identity", identity},
                                   {"peer", caller.peer.address},
                                   {"method", caller.method},
                                   {"probe", probe},
                                   {"reason", decision.message},
                                   {"calls", *count}});
  }
  if (audit_ == nullptr || !audited) return;
  AuditEvent event{.kind = AuditKind::kCall,
                   .time = absl::Now(),
                   .peer = caller.peer.address,
                   .method = caller.method,
                   .probe = probe};
  event.SetIdentity(caller.identity);
  event.SetDecision(decision, policy);
  event.reason = Standing(event.reason, *audited);
  audit_->Write(event);
}

void AccessTrail::OnChanged(const Policy& policy) {
  invalid_.Set(0);
  log_.Info("access.changed", {{"policy", policy.version()}});
  if (audit_ == nullptr) return;
  audit_->Write({.kind = AuditKind::kAccessChanged, .time = absl::Now(), .policy = policy.version()});
}

void AccessTrail::OnInvalid(const absl::Status& why) {
  invalid_.Set(1);
  const std::string reason(why.message());
  log_.Error("access.invalid", {{"reason", reason}});
  if (audit_ == nullptr) return;
  audit_->Write({.kind = AuditKind::kAccessInvalid, .time = absl::Now(), .reason = reason});
}

}  // namespace probegate
