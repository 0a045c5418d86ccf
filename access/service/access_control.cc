#include "access/service/access_control.h"

#include <cstddef>
#include <utility>

namespace probegate {
namespace {

constexpr size_t kMostUsers = 4096;

}  // namespace

std::shared_ptr<const AccessSnapshot> OpenToAll() {
  return std::make_shared<const AccessSnapshot>(
      AccessSnapshot{.policy = Policy::AllowAll(),
                     .tokens = std::make_shared<const StaticTokens>(),
                     .jwts = std::make_shared<const JwtVerifier>(std::vector<JwtVerifier::Issuer>())});
}

AccessControl::AccessControl(Settings settings, std::shared_ptr<const AccessSnapshot> current)
    : settings_(std::move(settings)),
      authenticator_({.allow_anonymous = !settings_.restricts,
                      .clock = settings_.authenticator.clock,
                      .user_name = [this](uid_t uid) { return UserName(uid); }}),
      current_(std::move(current)) {}

void AccessControl::SetCurrent(std::shared_ptr<const AccessSnapshot> current) {
  MutexLock lock(mutex_);
  current_ = std::move(current);
}

std::shared_ptr<const AccessSnapshot> AccessControl::Current() const {
  MutexLock lock(mutex_);
  return current_;
}

absl::StatusOr<Caller> AccessControl::Identify(const Peer& peer, absl::StatusOr<Credentials> credentials,
                                               const std::string& method) {
  // A program that knows no tokens ignores them.
  if (!settings_.identifies && credentials.ok()) credentials->token.reset();
  auto identity = credentials.ok() ? authenticator_.Identify(*Current(), *credentials)
                                   : absl::StatusOr<Identity>(credentials.status());
  if (!identity.ok() && settings_.identifies) {
    if (settings_.observer != nullptr) settings_.observer->OnUnauthenticated(peer, method, identity.status());
    return identity.status();
  }
  Caller caller(peer, identity.ok() ? *std::move(identity) : Identity{.name = peer.client});
  caller.method = method;
  caller.limits = policy()->LimitsOf(caller.identity);
  if (settings_.identifies && IsProved(caller.identity.proof)) caller.CountByIdentity();
  return caller;
}

bool AccessControl::MayView(const Caller& caller, const ProbeNames& probe) const {
  return policy()->Decide(caller.identity, Right::kView, probe).allowed;
}

bool AccessControl::MaySee(const Caller& caller, const ProbeNames& probe) const {
  const std::shared_ptr<const Policy> rules = policy();
  return rules->Decide(caller.identity, Right::kView, probe).allowed ||
         rules->Decide(caller.identity, settings_.serves, probe).allowed;
}

absl::Status AccessControl::CheckMethod(const Caller& caller) const {
  const MethodRow* const row = FindMethodRow(settings_.methods, caller.method);
  if (row == nullptr) return absl::PermissionDeniedError("nobody may call " + caller.method);
  if (!row->right) return absl::OkStatus();
  const std::shared_ptr<const Policy> rules = policy();
  return Report(caller, {}, rules->Decide(caller.identity, *row->right), *rules);
}

absl::Status AccessControl::Check(const Caller& caller, Right right, const ProbeNames& probe) const {
  const std::shared_ptr<const Policy> rules = policy();
  return Report(caller, probe.uid, rules->Decide(caller.identity, right, probe), *rules);
}

absl::Status AccessControl::CheckStill(const Caller& caller, Right right, const ProbeNames& probe) const {
  const Decision decision = policy()->Decide(caller.identity, right, probe);
  if (decision.allowed) return absl::OkStatus();
  return absl::PermissionDeniedError("the access file has changed: " + decision.message);
}

absl::Duration AccessControl::TimeLeft(const Caller& caller) const {
  const Proof proof = caller.identity.proof;
  const bool has_token = proof == Proof::kToken || proof == Proof::kIssuer;
  if (!has_token || !settings_.token_grace) return absl::InfiniteDuration();
  return caller.identity.expires + absl::FromChrono(*settings_.token_grace) - settings_.authenticator.clock();
}

absl::Status AccessControl::CheckToken(const Caller& caller) const {
  if (TimeLeft(caller) > absl::ZeroDuration()) return absl::OkStatus();
  return absl::UnauthenticatedError(
      "the token of " + caller.identity.Text() + " expired at " +
      absl::FormatTime(absl::RFC3339_sec, caller.identity.expires, absl::UTCTimeZone()) +
      ", and its sessions end now (--token-grace); get a new token, and open a new session");
}

absl::Status AccessControl::Report(const Caller& caller, const std::string& probe, const Decision& decision,
                                   const Policy& rules) const {
  if (decision.allowed) return absl::OkStatus();
  if (settings_.observer != nullptr) settings_.observer->OnDenied(caller, probe, decision, rules);
  return absl::PermissionDeniedError(decision.message);
}

std::optional<std::string> AccessControl::UserName(uid_t uid) {
  {
    MutexLock lock(mutex_);
    if (const auto known = users_.find(uid); known != users_.end()) return known->second;
  }
  std::optional<std::string> name = settings_.authenticator.user_name(uid);
  MutexLock lock(mutex_);
  if (users_.size() < kMostUsers) users_[uid] = name;
  return name;
}

}  // namespace probegate
