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
#include "base/address_range.h"
#include "base/mutex.h"
#include "base/peer.h"
#include "base/quota.h"
#include "probegate/v1/probe_directory.pb.h"
#include "server/catalog/catalog.h"
#include "server/lane/session.h"
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
  // `catalog`, `log` and `sessions`, the quota, must outlive this, and `catalog` be stopped before this is destroyed.
  // `gateways`: as for IsTrustedGateway.
  SessionRegistry(Catalog& catalog, Log& log, Quota& sessions, std::vector<AddressRange> gateways = {});
  // Ends the sessions whose owners still hold them.
  ~SessionRegistry();
  SessionRegistry(const SessionRegistry&) = delete;
  SessionRegistry& operator=(const SessionRegistry&) = delete;

  // Whether `peer` is trusted to say for which client it opens a session, and may be busy for many clients: it is at a
  // loopback address or at one of `gateways`.
  bool IsTrustedGateway(const Peer& peer) const;

  struct Opened {
    SessionHandle session;
    v1::OpenSessionResponse response;
    std::string client;  // whose shares the session counts in (Peer::client): for a gateway's session, its client's
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
  // kBusy if there are too many sessions, in all or of one client.
  absl::StatusOr<Opened> Open(const v1::OpenSessionRequest& request, const Peer& peer, EndCallback on_end,
                              std::string_view traceparent = {}, Kick kick = Kick::kThroughLane);

  // The sessions on the probe of this unique ID, or all if it is empty; oldest first.
  std::vector<v1::SessionInfo> List(const std::string& unique_id) const;

  // Ends anyone's session, named by its name or its whole id; `reason` is told to its client. kNotFound if there is no
  // such session, kInvalidArgument if the reason is too long.
  absl::Status End(const std::string& session, const std::string& reason);

 private:
  friend class SessionHandle;
  // Guarded by mutex_.
  struct Entry {
    Kick kick;
    EndCallback on_end;                // taken by the first that ends the session
    std::shared_ptr<Session> session;  // null while it is being opened
    std::optional<SessionEnd> ended;   // if it was not its client's doing
    Quota::Grant count;
  };

  // Whose session it is, from what its client says and what is believed of that.
  SessionOwner OwnerOf(const v1::ClientInfo& said, const Peer& peer) const;
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
  const std::vector<AddressRange> gateways_;

  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);  // by the session's name
};

}  // namespace probegate
