#include "debug/debug_audit.h"

#include "absl/time/clock.h"

namespace probegate {
namespace {

AuditEvent EventOf(AuditKind kind, const DebugAudit::Session& session) {
  AuditEvent event{.kind = kind,
                   .time = absl::Now(),
                   .peer = session.caller.peer.address,
                   .method = session.caller.method,
                   .probe = session.probe,
                   .session = std::to_string(session.number)};
  event.SetIdentity(session.caller.identity);
  return event;
}

}  // namespace

void DebugAudit::Opened(const Session& session, const Policy& policy, const Decision& decision) const {
  if (audit_ == nullptr) return;
  AuditEvent event = EventOf(AuditKind::kSessionOpened, session);
  event.SetDecision(decision, policy);
  audit_->Write(event);
}

void DebugAudit::Ended(const Session& session, const DebugEnd& end) const {
  if (audit_ == nullptr) return;
  AuditEvent event = EventOf(AuditKind::kSessionEnded, session);
  event.reason = std::string(RowOf(end.cause).name) + ": " + end.reason.substr(0, end.reason.find('\n'));
  audit_->Write(event);
}

}  // namespace probegate
