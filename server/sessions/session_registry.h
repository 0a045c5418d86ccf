// Every session on the server, by its id: how many there may be, lists of them, and how anyone ends one.
//
// A session lives as long as its owner holds the SessionHandle that Open returns. A stream owns its session; sessions
// of unary calls are owned by UnarySessions (server/sessions/unary_sessions.h).
//
// Threads: any; nothing blocks. Callbacks are called as a session's are (server/lane/session.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "access/service/access_control.h"
#include "access/service/caller.h"
#include "base/address_range.h"
#include "base/mutex.h"
#include "base/peer.h"
#include "base/quota.h"
#include "base/timers.h"
#include "probegate/v1/probe_directory.pb.h"
#include "server/access/errors.h"
#include "server/catalog/catalog.h"
#include "server/lane/session.h"
#include "server/sessions/session_audit.h"
#include "telemetry/log.h"

namespace probegate {

class SessionRegistry;

// A session's owner has this, and gives the session back by releasing or destroying it.
class SessionHandle {
 public:
  SessionHandle() = default;
  SessionHandle(SessionHandle&& other) noexcept { *this = std::move(other); }
  SessionHandle& operator=(SessionHandle&& other) noexcept;
  // Releases it, as a stream whose client is gone.
  ~SessionHandle() { Release(SessionEndCause::kClientGone); }

  explicit operator bool() const { return session_ != nullptr; }
  // For use while another thread may release the handle.
  const std::shared_ptr<Session>& session() const { return session_; }

  // Ends the session: `end` is counted and logged, unless another user, the server or its probe ended it first. Does
  // nothing if the handle is empty. Afterwards it is empty.
  void Release(const SessionEnd& end);
  // Ends the session because the stream that owned it has ended.
  void Release(SessionEndCause cause);

 private:
  friend class SessionRegistry;
  SessionRegistry* registry_ = nullptr;
  std::shared_ptr<Session> session_;
};

class SessionRegistry {
 public:
  // `catalog`, `log`, `sessions`, the quota, `access`, `audit` and `timers` must outlive this, and `catalog` and
  // `timers` be stopped before this is destroyed. `gateways`: as for IsTrustedGateway.
  SessionRegistry(Catalog& catalog, Log& log, Quota& sessions, AccessControl& access, SessionAudit& audit,
                  Timers& timers, std::vector<AddressRange> gateways = {});
  // Ends the sessions whose owners still hold them.
  ~SessionRegistry();
  SessionRegistry(const SessionRegistry&) = delete;
  SessionRegistry& operator=(const SessionRegistry&) = delete;

  // Whether `peer` may be busy for many clients: it is at a loopback address or at one of `gateways`. Without an access
  // file, it is also trusted to say for which client it opens a session; with one, that takes the right `gateway`.
  bool IsTrustedGateway(const Peer& peer) const;

  struct Opened {
    SessionHandle session;
    v1::OpenSessionResponse response;
    std::string
        client;  // whose shares the session counts in (SessionOwner::key): for a gateway's session, its client's
  };
  // Says why a session ended that its client did not end.
  using EndCallback = absl::AnyInvocable<void(const absl::Status& why)>;

  // How End ends a session.
  enum class Kick : uint8_t {
    kThroughLane,  // as Session::End: what it has asked for is answered first, then `on_end` is called
    kByOwner,  // `on_end` is called at once; its owner then releases the handle, and unanswered commands are dropped
  };
  // Opens a session. `on_end` is called at most once, and not if the owner releases the session. `traceparent` (W3C
  // Trace Context) is logged, so that the opening can be found by its trace. Errors: as Catalog::Resolve and FindLane;
  // kBusy if there are too many sessions, in all or of one client; kDenied if the
  // caller may not use the probe; kUnavailable while the audit log cannot be written.
  absl::StatusOr<Opened> Open(const v1::OpenSessionRequest& request, const Caller& caller, EndCallback on_end,
                              std::string_view traceparent = {}, Kick kick = Kick::kThroughLane);

  // The sessions on the probe of this unique ID, or all if it is empty; oldest first.
  std::vector<v1::SessionInfo> List(const std::string& unique_id) const;

  // Ends a session, named by its name or its whole id, for `caller`; `reason` is told to its client. kDenied if it is
  // the session of another caller, and this one has no right `kick`; kNotFound if there is no such session, or if its
  // probe is not visible to the caller; kInvalidArgument if the reason is too long.
  absl::Status End(const std::string& session, const std::string& reason, const Caller& caller);

  // Ends the sessions that the access file, which has changed, no longer allows; their clients get kDenied.
  void EndDenied();

  // The client of the session of this name, which goes on, has proved who it is with a token that expires at `expires`.
  // (Sessions whose token has expired are ended, with kUnauthenticated, once AccessControl's grace is over.)
  void Renew(const std::string& session, absl::Time expires);

 private:
  friend class SessionHandle;
  // Guarded by mutex_.
  struct Entry {
    Kick kick;
    EndCallback on_end;                // taken by the first that ends the session
    std::shared_ptr<Session> session;  // null while it is being opened
    std::optional<SessionEnd> ended;   // if it was not its client's doing
    Quota::Grant count;
    Caller caller;
    ProbeNames probe;
  };

  // The probe that a caller means. kNotFound if it may not even see it, kDenied if it may not use it.
  absl::StatusOr<ProbeNames> FindProbe(const std::string& wanted, const Caller& caller) const;
  // kDenied if the access file no longer allows the session.
  absl::Status CheckStill(const Entry& entry) const {
    return ToError(access_.CheckStill(entry.caller, Right::kUse, entry.probe));
  }
  // Ends the session if its token has expired; otherwise looks again when it will have.
  void CheckToken(const std::shared_ptr<Entry>& entry);
  void EndEntry(Entry& entry, const std::shared_ptr<Session>& session, const SessionEnd& end);
  // Whose session it is, from what its client says and what is believed of that.
  SessionOwner OwnerOf(const v1::ClientInfo& said, const Caller& caller, const Policy& policy) const;
  bool MaySpeakForOthers(const Caller& caller, const Policy& policy) const;
  absl::StatusOr<std::shared_ptr<Session>> OpenOnLane(Lane& lane, SessionId id, SessionOwner owner,
                                                      const std::shared_ptr<Entry>& entry);
  void LogOpened(const Session& session, std::string_view traceparent) const;
  // Notes how a session ended, and tells its owner if that has not been done.
  void TellOwner(Entry& entry, const SessionEnd& end);
  // Takes a session from the list and leaves its lane. If its entry has an end, that is the one that counts.
  void Remove(const std::string& name, SessionEnd end);

  Catalog& catalog_;
  Log& log_;
  Quota& quota_;
  AccessControl& access_;
  SessionAudit& audit_;
  Timers& timers_;
  const std::vector<AddressRange> gateways_;

  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);  // by the session's name
};

}  // namespace probegate
