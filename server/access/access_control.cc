#include "server/access/access_control.h"

#include <cstddef>
#include <utility>

#include "probe/error.h"
#include "server/access/method_rights.h"

namespace probegate {
namespace {

constexpr size_t kMostUsers = 4096;

// The error as the program has it (probe/error.h).
absl::Status ToError(const absl::Status& why) {
  const ErrorKind kind = absl::IsUnavailable(why) ? ErrorKind::kUnavailable : ErrorKind::kUnauthenticated;
  return MakeError(kind, std::string(why.message()));
}

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
  // A server that knows no tokens ignores them.
  if (!settings_.identifies && credentials.ok()) credentials->token.reset();
  auto identity = credentials.ok() ? authenticator_.Identify(*Current(), *credentials)
                                   : absl::StatusOr<Identity>(credentials.status());
  if (!identity.ok() && settings_.identifies) {
    if (settings_.observer != nullptr) settings_.observer->OnUnauthenticated(peer, method, identity.status());
    return ToError(identity.status());
  }
  Caller caller(peer, identity.ok() ? *std::move(identity) : Identity{.name = peer.client});
  caller.method = method;
  if (settings_.identifies && IsProved(caller.identity.proof)) caller.CountByIdentity();
  return caller;
}

bool AccessControl::MayView(const Caller& caller, const ProbeNames& probe) const {
  return policy()->Decide(caller.identity, Right::kView, probe).allowed;
}

bool AccessControl::MaySee(const Caller& caller, const ProbeNames& probe) const {
  const std::shared_ptr<const Policy> rules = policy();
  return rules->Decide(caller.identity, Right::kView, probe).allowed ||
         rules->Decide(caller.identity, Right::kUse, probe).allowed;
}

absl::Status AccessControl::CheckMethod(const Caller& caller) const {
  const MethodRow* const row = FindMethodRow(caller.method);
  if (row == nullptr) return MakeError(ErrorKind::kDenied, "nobody may call " + caller.method);
  if (!row->right) return absl::OkStatus();
  const std::shared_ptr<const Policy> rules = policy();
  return Report(caller, {}, rules->Decide(caller.identity, *row->right), *rules);
}

absl::Status AccessControl::Check(const Caller& caller, Right right, const ProbeNames& probe) const {
  const std::shared_ptr<const Policy> rules = policy();
  return Report(caller, probe.uid, rules->Decide(caller.identity, right, probe), *rules);
}

absl::Status AccessControl::Report(const Caller& caller, const std::string& probe, const Decision& decision,
                                   const Policy& rules) const {
  if (decision.allowed) return absl::OkStatus();
  if (settings_.observer != nullptr) settings_.observer->OnDenied(caller, probe, decision, rules);
  return MakeError(ErrorKind::kDenied, decision.message);
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
