// Finds out who a program's callers are, and knows what they may do.
//
// Without an access file and a file of tokens, everyone may do everything, and callers count as their addresses.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "access/access_snapshot.h"
#include "access/authenticator.h"
#include "access/credentials.h"
#include "access/policy.h"
#include "access/rights.h"
#include "access/service/caller.h"
#include "access/service/method_rights.h"
#include "base/mutex.h"
#include "base/peer.h"

namespace probegate {

// What a program without any of the files knows.
std::shared_ptr<const AccessSnapshot> OpenToAll();

// Threads: any. Nothing blocks, except while the system looks up the name of a user that it has not looked up before.
class AccessControl {
 public:
  // Is told about those who are turned away. Called on any thread; must not block.
  class Observer {
   public:
    virtual ~Observer() = default;
    // Something is wrong with what the caller at `peer` proves.
    virtual void OnUnauthenticated(const Peer& peer, const std::string& method, const absl::Status& why) = 0;
    // `probe` is its unique ID; empty if the decision is not about a certain probe.
    virtual void OnDenied(const Caller& caller, const std::string& probe, const Decision& decision,
                          const Policy& policy) = 0;
  };

  struct Settings {
    // An access file was given: only what its rules allow is allowed, and callers must prove who they are.
    bool restricts = false;
    // An access file or a file of tokens was given: callers count as what they prove.
    bool identifies = false;
    // What the program is for: a caller that may do this with a probe may see it, even if it may not list it.
    Right serves = Right::kUse;
    // How long a session may go on after the token of its client has expired; nothing: until it ends.
    std::optional<std::chrono::milliseconds> token_grace = std::nullopt;
    absl::Span<const MethodRow> methods;         // of the program; constant
    Authenticator::Settings authenticator = {};  // `allow_anonymous` is overridden
    Observer* observer = nullptr;                // may be null; must outlive the AccessControl
  };

  // Everyone may do everything.
  AccessControl() : AccessControl(Settings(), OpenToAll()) {}
  AccessControl(Settings settings, std::shared_ptr<const AccessSnapshot> current);
  AccessControl(const AccessControl&) = delete;
  AccessControl& operator=(const AccessControl&) = delete;

  // Whether there is an access file.
  bool restricts() const { return settings_.restricts; }

  // From now on, this is what the files say. Never nullptr.
  void SetCurrent(std::shared_ptr<const AccessSnapshot> current);

  // To be kept for one decision, not longer.
  std::shared_ptr<const Policy> policy() const { return Current()->policy; }

  // Who is at the other end of `peer`, which proves `credentials`. UNAUTHENTICATED, with what is wrong and what to do;
  // UNAVAILABLE if the keys of a token's issuer are still being fetched.
  // The caller is about to call `method`.
  absl::StatusOr<Caller> Identify(const Peer& peer, absl::StatusOr<Credentials> credentials,
                                  const std::string& method = {});

  // Whether the probe exists, as far as the caller is told: it may view it, or do what the program is for.
  bool MaySee(const Caller& caller, const ProbeNames& probe) const;
  // Whether the probe is in the caller's lists.
  bool MayView(const Caller& caller, const ProbeNames& probe) const;

  // Whether the caller may call its method at all (Settings::methods). PERMISSION_DENIED if not.
  absl::Status CheckMethod(const Caller& caller) const;
  // Whether the caller has `right` for `probe`. If not, PERMISSION_DENIED, with a message that says who it is, and
  // which right it lacks for which probe.
  absl::Status Check(const Caller& caller, Right right, const ProbeNames& probe) const;
  // The same for a session that has begun, after the access file has changed. The observer is not told.
  absl::Status CheckStill(const Caller& caller, Right right, const ProbeNames& probe) const;

  // How long a session of this caller may still go on before its token has expired, and the grace is over. Infinite if
  // the caller has no token that expires, or the grace does not end.
  absl::Duration TimeLeft(const Caller& caller) const;
  // UNAUTHENTICATED, with a message for the session's client, if no time is left.
  absl::Status CheckToken(const Caller& caller) const;

 private:
  std::shared_ptr<const AccessSnapshot> Current() const;
  // The decision as an error, which the observer is told.
  absl::Status Report(const Caller& caller, const std::string& probe, const Decision& decision,
                      const Policy& rules) const;
  std::optional<std::string> UserName(uid_t uid);

  const Settings settings_;
  const Authenticator authenticator_;

  mutable Mutex mutex_;
  std::shared_ptr<const AccessSnapshot> current_ ABSL_GUARDED_BY(mutex_);
  std::map<uid_t, std::optional<std::string>> users_ ABSL_GUARDED_BY(mutex_);  // that were looked up
};

}  // namespace probegate
