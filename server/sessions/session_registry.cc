#include "server/sessions/session_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/endpoint.h"
#include "base/one_line.h"
#include "base/session_name.h"
#include "probe/error.h"
#include "server/access/messages.h"
#include "server/catalog/description.h"
#include "server/metrics/probe_metrics.h"
#include "server/sessions/same_secret.h"
#include "telemetry/trace_context.h"

namespace probegate {
namespace {

constexpr size_t kMaxClientText = 128;  // bytes, as proto/probegate/v1/debug_probe.proto says
constexpr size_t kMaxReason = 256;      // bytes
// When a token expires is a time of the system's clock, which may be set, and goes on while the machine sleeps.
constexpr absl::Duration kLongestTimer = absl::Minutes(1);
constexpr std::chrono::milliseconds kTick{1};  // so that a timer is not early because of rounding

v1::ClientInfo CleanClient(const v1::ClientInfo& said, const std::string& address) {
  v1::ClientInfo client;
  client.set_name(OneLine(said.name(), kMaxClientText));
  client.set_version(OneLine(said.version(), kMaxClientText));
  client.set_user(OneLine(said.user(), kMaxClientText));
  client.set_peer_address(OneLine(address, kMaxClientText));
  return client;
}

google::protobuf::Timestamp ToTimestamp(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  google::protobuf::Timestamp stamp;
  stamp.set_seconds(since.count() / 1'000'000'000);
  stamp.set_nanos(static_cast<int32_t>(since.count() % 1'000'000'000));
  return stamp;
}

v1::SessionInfo ToInfo(const SessionSnapshot& snapshot) {
  v1::SessionInfo info;
  info.set_session(snapshot.name);
  info.set_probe(OneLine(snapshot.probe));
  *info.mutable_client() = snapshot.client;
  *info.mutable_opened_at() = ToTimestamp(snapshot.opened_at);
  *info.mutable_last_command_at() = ToTimestamp(snapshot.last_command_at);
  info.set_has_open(snapshot.has_open);
  info.set_is_connected(snapshot.is_connected);
  info.set_holds_lock(snapshot.holds_lock);
  info.set_waits_for_lock(snapshot.waits_for_lock);
  info.set_command_count(snapshot.command_count);
  info.set_peer(snapshot.peer);
  *info.mutable_identity() = snapshot.identity;
  return info;
}

}  // namespace

SessionHandle& SessionHandle::operator=(SessionHandle&& other) noexcept {
  Release(SessionEndCause::kClientGone);
  registry_ = std::exchange(other.registry_, nullptr);
  session_ = std::move(other.session_);
  return *this;
}

void SessionHandle::Release(SessionEndCause cause) { Release({cause, absl::CancelledError("its stream ended")}); }

void SessionHandle::Release(const SessionEnd& end) {
  if (session_ == nullptr) return;
  const std::string name = session_->id().name();
  session_ = nullptr;
  std::exchange(registry_, nullptr)->Remove(name, end);
}

SessionRegistry::SessionRegistry(Catalog& catalog, Log& log, Quota& sessions, AccessControl& access,
                                 SessionAudit& audit, Timers& timers, std::vector<AddressRange> gateways)
    : catalog_(catalog),
      log_(log),
      quota_(sessions),
      access_(access),
      audit_(audit),
      timers_(timers),
      gateways_(std::move(gateways)) {}

SessionRegistry::~SessionRegistry() {
  std::vector<std::string> names;
  {
    MutexLock lock(mutex_);
    for (const auto& [name, entry] : entries_) names.push_back(name);
  }
  for (const std::string& name : names) {
    Remove(name, {SessionEndCause::kServerStopped, absl::CancelledError("the server ended")});
  }
}

bool SessionRegistry::IsTrustedGateway(const Peer& peer) const {
  return peer.local() || Contains(gateways_, peer.host);
}

bool SessionRegistry::MaySpeakForOthers(const Caller& caller, const Policy& policy) const {
  if (!access_.restricts()) return IsTrustedGateway(caller.peer);
  return policy.Decide(caller.identity, Right::kGateway).allowed;
}

SessionOwner SessionRegistry::OwnerOf(const v1::ClientInfo& said, const Caller& caller, const Policy& policy) const {
  SessionOwner owner{.client = CleanClient(said, caller.peer.address),
                     .peer = caller.peer.address,
                     .key = caller.key,
                     .identity = ToMessage(caller.identity),
                     .proved = IsProved(caller.identity.proof)};
  if (const auto seconds = policy.LimitsOf(caller.identity).lock_seconds)
    owner.lock_max = std::chrono::seconds(*seconds);
  const auto claimed = ParseEndpoint(said.peer_address());
  if (claimed && MaySpeakForOthers(caller, policy)) {
    owner.client.set_peer_address(OneLine(said.peer_address(), kMaxClientText));
    owner.key = said.user().empty() ? ClientKey(claimed->host) : owner.client.user();
  }
  return owner;
}

absl::StatusOr<SessionRegistry::Opened> SessionRegistry::Open(const v1::OpenSessionRequest& request,
                                                              const Caller& caller, EndCallback on_end,
                                                              std::string_view traceparent, Kick kick) {
  const std::shared_ptr<const Policy> policy = access_.policy();
  const auto probe = FindProbe(request.probe(), caller);
  if (!probe.ok()) return probe.status();
  if (absl::Status unwritten = audit_.CanOpen(); !unwritten.ok()) return unwritten;
  const auto lane = catalog_.FindLane(probe->uid);
  if (!lane.ok()) return lane.status();
  SessionOwner owner = OwnerOf(request.client(), caller, *policy);
  auto count = quota_.Take(owner.key, 1, policy->LimitsOf(caller.identity).sessions);
  if (!count.ok()) {
    return MakeError(ErrorKind::kBusy, absl::StrCat(count.status().message(), "; end one first"));
  }
  const auto entry = std::make_shared<Entry>(Entry{.kick = kick,
                                                   .on_end = std::move(on_end),
                                                   .session = nullptr,
                                                   .ended = std::nullopt,
                                                   .count = *std::move(count),
                                                   .caller = caller,
                                                   .probe = *probe});
  Opened opened;
  opened.client = owner.key;
  auto session = OpenOnLane(**lane, SessionId::Random(), std::move(owner), entry);
  if (!session.ok()) return session.status();
  audit_.Opened(caller, (*session)->snapshot(), *policy, policy->Decide(caller.identity, Right::kUse, *probe));
  // EndDenied may have looked for sessions before this one was there.
  if (absl::Status denied = CheckStill(*entry); !denied.ok()) {
    Remove((*session)->id().name(), {SessionEndCause::kDenied, denied});
    return denied;
  }
  CheckToken(entry);
  LogOpened(**session, traceparent);
  opened.response.set_session_id((*session)->id().secret());
  *opened.response.mutable_probe() = Describe((*session)->lane().probe_info());
  opened.session.registry_ = this;
  opened.session.session_ = *std::move(session);
  return opened;
}

absl::StatusOr<ProbeNames> SessionRegistry::FindProbe(const std::string& wanted, const Caller& caller) const {
  const auto unique_id = catalog_.Resolve(
      wanted, [this, &caller](const v1::ProbeDescription& probe) { return access_.MaySee(caller, NamesOf(probe)); });
  if (!unique_id.ok()) return unique_id.status();
  const auto found = catalog_.Find(*unique_id);
  if (!found.ok()) return found.status();
  ProbeNames probe = NamesOf(found->description());
  if (absl::Status denied = access_.Check(caller, Right::kUse, probe); !denied.ok()) return ToError(denied);
  return probe;
}

void SessionRegistry::EndDenied() {
  std::vector<std::pair<std::shared_ptr<Entry>, std::shared_ptr<Session>>> sessions;
  {
    MutexLock lock(mutex_);
    for (const auto& [name, entry] : entries_) {
      if (entry->session != nullptr) sessions.emplace_back(entry, entry->session);
    }
  }
  // Those who hold a lock are the last, so that no command of another runs because the lock is free.
  std::ranges::partition(sessions, [](const auto& one) { return !one.second->snapshot().holds_lock; });
  for (const auto& [entry, session] : sessions) {
    if (absl::Status denied = CheckStill(*entry); !denied.ok()) {
      EndEntry(*entry, session, {SessionEndCause::kDenied, denied});
    }
  }
}

// The entry is in the map before the session is opened, so that it is counted, and so that its end is noted even if it
// comes before this has returned.
absl::StatusOr<std::shared_ptr<Session>> SessionRegistry::OpenOnLane(Lane& lane, SessionId id, SessionOwner owner,
                                                                     const std::shared_ptr<Entry>& entry) {
  const std::string name = id.name();
  {
    MutexLock lock(mutex_);
    entries_[name] = entry;
  }
  auto session = lane.OpenSession(std::move(id), std::move(owner),
                                  [this, entry](const SessionEnd& end) { TellOwner(*entry, end); });
  MutexLock lock(mutex_);
  if (session.ok() && entry->ended) session = entry->ended->why;
  if (!session.ok()) {
    entries_.erase(name);
    return session.status();
  }
  lane.metrics().OnSessionOpened();
  entry->session = *session;
  return session;
}

void SessionRegistry::TellOwner(Entry& entry, const SessionEnd& end) {
  EndCallback on_end;
  {
    MutexLock lock(mutex_);
    if (!entry.ended) entry.ended = end;
    on_end = std::exchange(entry.on_end, nullptr);
  }
  if (on_end) on_end(end.why);
}

void SessionRegistry::LogOpened(const Session& opened, std::string_view traceparent) const {
  const SessionSnapshot snapshot = opened.snapshot();
  log_.Info("session.opened", {{"session", snapshot.name},
                               {"probe", opened.lane().metrics().unique_id()},
                               {"client", snapshot.client.name()},
                               {"peer", snapshot.client.peer_address()},
                               {"via", snapshot.peer == snapshot.client.peer_address() ? std::string() : snapshot.peer},
                               {"identity", snapshot.identity.name()},
                               {"trace", TraceIdOf(traceparent)}});
}

std::vector<v1::SessionInfo> SessionRegistry::List(const std::string& unique_id) const {
  std::vector<std::shared_ptr<Session>> sessions;
  {
    MutexLock lock(mutex_);
    for (const auto& [name, entry] : entries_) {
      if (entry->session != nullptr) sessions.push_back(entry->session);
    }
  }
  std::vector<SessionSnapshot> snapshots;
  for (const auto& session : sessions) snapshots.push_back(session->snapshot());
  std::sort(snapshots.begin(), snapshots.end(), [](const auto& a, const auto& b) { return a.opened_at < b.opened_at; });
  std::vector<v1::SessionInfo> infos;
  for (const SessionSnapshot& snapshot : snapshots) {
    v1::SessionInfo info = ToInfo(snapshot);
    if (unique_id.empty() || info.probe() == unique_id) infos.push_back(std::move(info));
  }
  return infos;
}

absl::Status SessionRegistry::End(const std::string& session_name, const std::string& reason, const Caller& caller) {
  if (reason.size() > kMaxReason) {
    return MakeError(ErrorKind::kInvalidArgument,
                     absl::StrCat("the reason has ", reason.size(), " bytes; at most ", kMaxReason, " are allowed"));
  }
  std::shared_ptr<Entry> entry;
  std::shared_ptr<Session> session;
  {
    MutexLock lock(mutex_);
    const auto found = entries_.find(SessionName(session_name));
    if (found != entries_.end()) {
      entry = found->second;
      session = entry->session;
    }
  }
  const bool named = session_name.size() == kSessionNameLength;
  const bool own = session != nullptr && entry->caller.owner == caller.owner;
  if (session == nullptr || (!named && !SameSecret(session->id().secret(), session_name)) ||
      (!own && !access_.MaySee(caller, entry->probe))) {
    return MakeError(ErrorKind::kNotFound,
                     absl::StrCat("there is no session ", OneLine(session_name, kMaxClientText), ", or it has ended"));
  }
  if (!own) {
    if (absl::Status denied = access_.Check(caller, Right::kKick, entry->probe); !denied.ok()) return ToError(denied);
  }
  const std::string said = reason.empty() ? std::string("no reason was given") : OneLine(reason);
  const SessionEnd end{SessionEndCause::kKicked, absl::CancelledError(absl::StrCat("the session was ended: ", said))};
  if (!own) audit_.Kicked(caller, session->snapshot(), said);
  EndEntry(*entry, session, end);
  return absl::OkStatus();
}

void SessionRegistry::CheckToken(const std::shared_ptr<Entry>& entry) {
  std::shared_ptr<Session> session;
  std::optional<Caller> caller;
  {
    MutexLock lock(mutex_);
    session = entry->session;
    caller = entry->caller;
  }
  if (session == nullptr) return;  // it has ended
  if (absl::Status expired = access_.CheckToken(*caller); !expired.ok()) {
    return EndEntry(*entry, session, {SessionEndCause::kExpired, ToError(expired)});
  }
  if (const absl::Duration left = access_.TimeLeft(*caller); left < absl::InfiniteDuration()) {
    const auto next = Timers::Clock::now() + absl::ToChronoMilliseconds(std::min(left, kLongestTimer)) + kTick;
    timers_.At(next, entry, [this, weak = std::weak_ptr<Entry>(entry)] {
      if (const auto due = weak.lock()) CheckToken(due);
    });
  }
}

void SessionRegistry::Renew(const std::string& session, absl::Time expires) {
  MutexLock lock(mutex_);
  const auto found = entries_.find(session);
  if (found == entries_.end()) return;
  absl::Time& known = found->second->caller.identity.expires;
  known = std::max(known, expires);
}

void SessionRegistry::EndEntry(Entry& entry, const std::shared_ptr<Session>& session, const SessionEnd& end) {
  if (const SessionSnapshot snapshot = session->snapshot(); snapshot.holds_lock) audit_.LockLost(snapshot, end);
  if (entry.kick == Kick::kByOwner) {
    TellOwner(entry, end);
  } else {
    session->End(end);
  }
}

void SessionRegistry::Remove(const std::string& name, SessionEnd end) {
  // Both are destroyed without the mutex. The session is taken from its entry, which the lane refers to and so keeps.
  std::shared_ptr<Entry> entry;
  std::shared_ptr<Session> session;
  Quota::Grant count;  // given back now, although the lane may keep the entry for a moment longer
  {
    MutexLock lock(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return;
    entry = std::move(found->second);
    entries_.erase(found);
    session = std::move(entry->session);
    count = std::move(entry->count);
    if (entry->ended) end = *entry->ended;
  }
  if (session == nullptr) return;  // it was never opened
  ProbeMetrics& metrics = session->lane().metrics();
  metrics.OnSessionEnded(end.cause);
  const SessionSnapshot snapshot = session->snapshot();
  audit_.Ended(snapshot, end);
  session->Leave();  // now: a call that is being submitted on another thread may hold it for a moment longer
  log_.Info("session.ended", {{"session", name},
                              {"probe", metrics.unique_id()},
                              {"client", snapshot.client.name()},
                              {"cause", SessionEndCauseName(end.cause)},
                              {"reason", std::string(end.why.message())},
                              {"commands", snapshot.command_count}});
}

}  // namespace probegate
