// What an audit log says of an event (docs/audit.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "access/identity.h"
#include "access/policy.h"

namespace probegate {

enum class AuditKind : uint8_t {
  kCall,
  kSessionOpened,
  kSessionEnded,
  kSessionKicked,
  kLockTaken,
  kLockBroken,
  kProbeReset,
  kMemoryWritten,
  kLeaseGranted,
  kLeaseEnded,
  kMaintenance,
  kAccessChanged,
  kAccessInvalid,
  kEventsLost,
};

// One row per kind, in the order of the enumeration: its name in the log, and what it means.
struct AuditKindRow {
  AuditKind kind;
  std::string_view name;
  std::string_view meaning;
};
absl::Span<const AuditKindRow> AuditKinds();

enum class AuditDecision : uint8_t { kNone, kAllowed, kDenied };

// An event. Only what applies is set: fields that are empty are not written. Nothing in it may be a secret: no token,
// no full session ID, no content of memory.
struct AuditEvent {
  AuditKind kind = AuditKind::kCall;
  absl::Time time;  // when it happened
  AuditDecision decision = AuditDecision::kNone;
  std::string identity;                   // Identity::Text
  std::string proof;                      // ProofName
  std::string peer;                       // the address at the other end: HOST:PORT, or "unix"
  std::string client;                     // what the client says that it is
  std::string gateway;                    // the identity of the gateway that says so
  std::string method;                     // of gRPC: /probegate.v1.DebugProbe/Stream
  std::string probe;                      // its uid
  std::string session;                    // the first 16 digits of its ID, as in logs
  std::string lease;                      // its name, with the broker
  std::string policy;                     // Policy::version
  std::string rule;                       // Decision::rule
  std::string reason;                     // why it was denied, or why it happened
  std::optional<uint64_t> bytes;          // of memory that were written
  std::optional<uint64_t> first_address;  // the lowest one that was written
  std::optional<uint64_t> last_address;   // the highest one
  std::optional<uint64_t> locks;          // how often a session has taken the lock
  std::optional<uint64_t> lost;           // events that are missing at this place

  // Sets `identity` and `proof`.
  void SetIdentity(const Identity& of);
  // Sets `decision`, `rule`, `reason` and `policy`.
  void SetDecision(const Decision& is, const Policy& by);
};

// One row per field, in the order in which a line has them: its name, and what it says.
struct AuditFieldRow {
  std::string_view name;
  std::string_view meaning;
};
absl::Span<const AuditFieldRow> AuditFields();

// The event as a JSON object on one line, with the newline. Texts are valid UTF-8, on one line, and at most
// kMostAuditText bytes long, whatever the event has.
std::string AuditLine(const AuditEvent& event);

// So that a line is less than 8 KiB, which is what rsyslog takes.
inline constexpr size_t kMostAuditText = 360;  // bytes

}  // namespace probegate
