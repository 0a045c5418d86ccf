#include "access/audit_event.h"

#include <iterator>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "base/one_line.h"

namespace probegate {
namespace {

using Json = nlohmann::ordered_json;

// In the order of the enumeration.
constexpr AuditKindRow kKinds[] = {
    {AuditKind::kCall, "call", "a client called a method; the decision says whether it was allowed to"},
    {AuditKind::kSessionOpened, "session.opened", "a session was opened"},
    {AuditKind::kSessionEnded, "session.ended", "a session ended, for the given reason"},
    {AuditKind::kSessionKicked, "session.kicked", "a client ended the session of another identity"},
    {AuditKind::kLockTaken, "lock.taken", "a session took the lock of the probe for the first time"},
    {AuditKind::kLockBroken, "lock.broken",
     "the lock was taken away from a session, for the given reason: another session waited, or the session was ended"},
    {AuditKind::kProbeReset, "probe.reset", "a session reset the target"},
    {AuditKind::kMemoryWritten, "memory.written", "what a session has written to the target's memory, in total"},
    {AuditKind::kLeaseGranted, "lease.granted", "a client got a lease of the probes"},
    {AuditKind::kLeaseEnded, "lease.ended", "a lease, or a request for one, ended, for the given reason"},
    {AuditKind::kMaintenance, "probe.maintenance",
     "a probe was taken out of service, for the given reason, or back into service, without one"},
    {AuditKind::kAccessChanged, "access.changed", "the access file was loaded again; the policy is its new version"},
    {AuditKind::kAccessInvalid, "access.invalid",
     "the access file changed, but is invalid; the old one stays in force"},
    {AuditKind::kEventsLost, "events.lost", "events could not be written, and are missing here"},
};

// In the order of the enumeration.
constexpr std::string_view kDecisions[] = {"", "allowed", "denied"};

std::string Time(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()); }
Json Number(const std::optional<uint64_t>& number) { return number ? Json(*number) : Json(); }
Json Address(const std::optional<uint64_t>& address) { return address ? Json(Hex(*address)) : Json(); }
Json Text(const std::string& text) { return text.empty() ? Json() : Json(OneLine(text, kMostAuditText)); }
Json Text(std::string_view text) { return Text(std::string(text)); }

// A field, and its value in an event; null if the event does not have it.
struct Field {
  AuditFieldRow row;
  Json (*value)(const AuditEvent& event);
};
constexpr Field kFields[] = {
    {{"time", "when it happened: RFC 3339, in UTC, with milliseconds"},
     [](const auto& e) { return Text(Time(e.time)); }},
    {{"event", "what happened: one of the events below"},
     [](const auto& e) { return Text(kKinds[static_cast<size_t>(e.kind)].name); }},
    {{"decision", "`allowed` or `denied`, if something was decided"},
     [](const auto& e) { return Text(kDecisions[static_cast<size_t>(e.decision)]); }},
    {{"identity", "who it was, such as `certificate:ci.example`"}, [](const auto& e) { return Text(e.identity); }},
    {{"proof", "what proved it: `local`, `certificate`, `token`, `issuer`, or `anonymous` if nothing did"},
     [](const auto& e) { return Text(e.proof); }},
    {{"peer", "the address at the other end of the connection"}, [](const auto& e) { return Text(e.peer); }},
    {{"client", "what the client says that it is; not proved"}, [](const auto& e) { return Text(e.client); }},
    {{"gateway", "the identity of the gateway that reported `client`"}, [](const auto& e) { return Text(e.gateway); }},
    {{"method", "the gRPC method"}, [](const auto& e) { return Text(e.method); }},
    {{"probe", "the probe's unique ID"}, [](const auto& e) { return Text(e.probe); }},
    {{"session", "the first 16 digits of the session ID, as in the logs; of a debugging session, its number"},
     [](const auto& e) { return Text(e.session); }},
    {{"lease", "the lease's name"}, [](const auto& e) { return Text(e.lease); }},
    {{"policy", "the version of the access file: the first 12 digits of its SHA-256, or `none`"},
     [](const auto& e) { return Text(e.policy); }},
    {{"rule", "the rule that allowed it: its name and its line in the access file"},
     [](const auto& e) { return Text(e.rule); }},
    {{"reason", "why it was denied, or why it happened"}, [](const auto& e) { return Text(e.reason); }},
    {{"bytes", "the number of bytes written to memory"}, [](const auto& e) { return Number(e.bytes); }},
    {{"first_address", "the lowest address written, in hexadecimal"},
     [](const auto& e) { return Address(e.first_address); }},
    {{"last_address", "the highest address written, in hexadecimal"},
     [](const auto& e) { return Address(e.last_address); }},
    {{"locks", "how often the session took the lock"}, [](const auto& e) { return Number(e.locks); }},
    {{"lost", "the number of events that are missing"}, [](const auto& e) { return Number(e.lost); }},
};

}  // namespace

absl::Span<const AuditKindRow> AuditKinds() { return kKinds; }

absl::Span<const AuditFieldRow> AuditFields() {
  static const auto* const rows = [] {
    auto* const all = new std::vector<AuditFieldRow>;
    for (const Field& field : kFields) all->push_back(field.row);
    return all;
  }();
  return *rows;
}

void AuditEvent::SetIdentity(const Identity& of) {
  identity = of.Text();
  proof = ProofName(of.proof);
}

void AuditEvent::SetDecision(const Decision& is, const Policy& by) {
  decision = is.allowed ? AuditDecision::kAllowed : AuditDecision::kDenied;
  rule = is.rule;
  reason = is.message;
  policy = by.version();
}

std::string AuditLine(const AuditEvent& event) {
  Json line = Json::object();
  for (const Field& field : kFields) {
    if (Json value = field.value(event); !value.is_null()) line[std::string(field.row.name)] = std::move(value);
  }
  return line.dump() + "\n";
}

}  // namespace probegate
