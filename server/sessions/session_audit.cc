#include "server/sessions/session_audit.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/access/errors.h"

namespace probegate {
namespace {

AuditEvent EventOf(AuditKind kind, const SessionSnapshot& session) {
  AuditEvent event{.kind = kind,
                   .time = absl::Now(),
                   .identity = session.identity.name(),
                   .proof = session.identity.proof(),
                   .peer = session.peer,
                   .client = session.client.name(),
                   .probe = session.probe,
                   .session = session.name};
  const v1::ClientInfo& client = session.client;
  if (!client.user().empty()) absl::StrAppend(&event.client, event.client.empty() ? "" : " ", "(", client.user(), ")");
  if (!client.peer_address().empty() && client.peer_address() != session.peer) {
    absl::StrAppend(&event.client, event.client.empty() ? "" : " ", "at ", client.peer_address());
    event.gateway = session.identity.name();
  }
  return event;
}

std::string Reason(const SessionEnd& end) {
  return absl::StrCat(std::string(SessionEndCauseName(end.cause)), ": ", end.why.message());
}

}  // namespace

absl::Status SessionAudit::CanOpen() const { return ToError(CheckWritable(audit_)); }

void SessionAudit::Opened(const Caller& caller, const SessionSnapshot& session, const Policy& policy,
                          const Decision& decision) {
  if (audit_ == nullptr) return;
  AuditEvent event = EventOf(AuditKind::kSessionOpened, session);
  event.method = caller.method;
  event.SetDecision(decision, policy);
  audit_->Write(event);
}

void SessionAudit::Ended(const SessionSnapshot& session, const SessionEnd& end) {
  if (audit_ == nullptr) return;
  if (session.written.bytes > 0) {
    AuditEvent written = EventOf(AuditKind::kMemoryWritten, session);
    written.bytes = session.written.bytes;
    written.first_address = session.written.first;
    written.last_address = session.written.last;
    audit_->Write(written);
  }
  AuditEvent event = EventOf(AuditKind::kSessionEnded, session);
  event.reason = Reason(end);
  if (session.lock_count > 0) event.locks = session.lock_count;
  audit_->Write(event);
}

void SessionAudit::Kicked(const Caller& by, const SessionSnapshot& session, const std::string& reason) {
  if (audit_ == nullptr) return;
  AuditEvent event{.kind = AuditKind::kSessionKicked,
                   .time = absl::Now(),
                   .decision = AuditDecision::kAllowed,
                   .peer = by.peer.address,
                   .method = by.method,
                   .probe = session.probe,
                   .session = session.name,
                   .reason = absl::StrCat(DescribeClient(session), ": ", reason)};
  event.SetIdentity(by.identity);
  audit_->Write(event);
}

void SessionAudit::OnProbeReset(const SessionSnapshot& by) {
  if (audit_ != nullptr) audit_->Write(EventOf(AuditKind::kProbeReset, by));
}

void SessionAudit::OnLockTaken(const SessionSnapshot& holder) {
  if (audit_ != nullptr) audit_->Write(EventOf(AuditKind::kLockTaken, holder));
}

void SessionAudit::LockLost(const SessionSnapshot& session, const SessionEnd& end) {
  if (audit_ == nullptr) return;
  AuditEvent event = EventOf(AuditKind::kLockBroken, session);
  event.reason = Reason(end);
  audit_->Write(event);
}

void SessionAudit::OnLockBroken(const SessionSnapshot& holder, const SessionSnapshot& waiter) {
  if (audit_ == nullptr) return;
  AuditEvent event = EventOf(AuditKind::kLockBroken, holder);
  event.reason = absl::StrCat("waited for by ", DescribeClient(waiter));
  audit_->Write(event);
}

}  // namespace probegate
