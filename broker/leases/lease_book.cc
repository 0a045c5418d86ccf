#include "broker/leases/lease_book.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/one_line.h"
#include "broker/leases/lease_checks.h"
#include "broker/leases/secret.h"

namespace probegate::broker {
namespace {

using std::chrono::milliseconds;

constexpr size_t kMostPast = 1'000;
// Clients are told of their places at most this often, and less often if many wait: telling 10,000 takes a while.
constexpr milliseconds kTellEvery{2'000};
constexpr milliseconds kTellEveryPerWaiter{1};
constexpr milliseconds kLookAgain{1'000};  // whether others wait for an idle lease

std::string Text(milliseconds time) { return absl::FormatDuration(absl::Milliseconds(time.count())); }

// The same for identities that no rule can tell apart. Tokens of one subject may have different claims.
std::string AccessKey(const Identity& identity) {
  std::string key = identity.Text();
  for (const auto& [name, values] : identity.claims) {
    for (const std::string& value : values) {
      absl::StrAppend(&key, " ", name.size(), ":", name, value.size(), ":", value);
    }
  }
  return key;
}

milliseconds Milliseconds(std::chrono::nanoseconds time) { return std::chrono::duration_cast<milliseconds>(time); }

}  // namespace

std::vector<std::string> LeaseBook::Lease::uids() const {
  std::vector<std::string> uids;
  for (const auto& probe : record.probes()) uids.push_back(probe.uid());
  return uids;
}

LeaseBook::LeaseBook(Settings settings, Quota& leases, LeaseObserver& observer)
    : settings_(std::move(settings)),
      quota_(leases),
      observer_(observer),
      scheduler_(
          {.rise = settings_.rules.rise,
           .may_use = [this](const std::string& access, const ProbeNames& probe) { return MayUse(access, probe); }}),
      fleet_(scheduler_, outbox_) {}

// --- Requests

bool LeaseBook::MayUse(const std::string& access, const ProbeNames& probe) const {
  if (!settings_.restricts) return true;
  const auto identity = identities_.find(access);
  return identity != identities_.end() &&
         settings_.policy()->Decide(identity->second.first, Right::kUse, probe).allowed;
}

milliseconds LeaseBook::Longest(const Requester& who) const {
  const auto seconds = settings_.policy()->LimitsOf(who.identity).lease_seconds;
  return seconds ? milliseconds(std::chrono::seconds(*seconds)) : settings_.rules.longest;
}

std::string LeaseBook::PoolOf(const v1::LeaseRequest& request) const {
  const Selector first = SelectorsOf(request).front();
  for (const auto& [uid, probe] : fleet_.probes()) {
    if (first.Fits(probe.names())) return settings_.pools.NameOf(probe.names());
  }
  return Pools::kOther;
}

void LeaseBook::Acquire(std::shared_ptr<LeaseClient> client, const Requester& who, const v1::LeaseRequest& request,
                        Time now) {
  if (absl::Status refused = Enter(client, who, request, now); !refused.ok()) {
    outbox_.After([client = std::move(client), refused] { client->End(refused); });
  }
}

absl::Status LeaseBook::Enter(const std::shared_ptr<LeaseClient>& client, const Requester& who,
                              v1::LeaseRequest request, Time now) {
  if (absl::Status wrong = CheckRequest(request); !wrong.ok()) return wrong;
  const milliseconds longest = Longest(who);
  if (!request.has_duration())
    *request.mutable_duration() = broker::ToMessage(std::min(settings_.rules.duration, longest));
  if (absl::Status wrong = CheckDuration("the duration", request.duration(), kLeastDuration, longest); !wrong.ok()) {
    return wrong;
  }
  if (!request.has_queue_timeout()) *request.mutable_queue_timeout() = broker::ToMessage(settings_.rules.queue_timeout);
  const Limits limits = settings_.policy()->LimitsOf(who.identity);
  auto place = quota_.Take(who.key, 1, limits.leases);
  if (!place.ok()) return place.status();

  Lease lease{.holder = who, .pool = PoolOf(request), .secret = NewSecret(), .client = client, .since = now};
  const std::string digest = DigestOf(lease.secret);
  const std::string name = NameOf(digest);
  lease.place = *std::move(place);
  lease.record.set_lease(name);
  lease.record.set_state(v1::LEASE_STATE_QUEUED);
  lease.record.set_secret_sha256(digest);
  *lease.record.mutable_holder() = who.ToRecord();
  lease.until = now + FromMessage(request.queue_timeout());
  *lease.record.mutable_request() = std::move(request);
  lease.record.set_number(next_number_++);
  lease.record.set_priority(static_cast<uint32_t>(std::min<uint64_t>(limits.priority.value_or(0), kMostPriority)));
  lease.record.set_requested_at_ms(settings_.wall_clock());
  *lease.record.mutable_longest() = broker::ToMessage(longest);
  if (absl::Status missing = Join(lease); !missing.ok()) return missing;

  Lease& entered = leases_.emplace(name, std::move(lease)).first->second;
  names_[entered.record.number()] = name;
  clients_[client.get()] = name;
  fresh_.push_back(name);
  Store(entered);
  Schedule(entered);
  queue_changed_ = true;
  return absl::OkStatus();
}

// Puts it into the scheduler's queue.
absl::Status LeaseBook::Join(const Lease& lease) {
  const std::string access = settings_.restricts ? AccessKey(lease.holder.identity) : std::string();
  if (settings_.restricts) {
    auto& [identity, count] = identities_[access];
    identity = lease.holder.identity;
    ++count;
  }
  absl::Status joined = scheduler_.Join({.number = lease.record.number(),
                                         .holder = lease.holder.key,
                                         .access = access,
                                         .priority = lease.record.priority(),
                                         .since = lease.since,
                                         .selectors = SelectorsOf(lease.record.request())});
  if (!joined.ok() && settings_.restricts && --identities_[access].second == 0) identities_.erase(access);
  return joined;
}

// To be called when it is in the scheduler's queue no more.
void LeaseBook::LeftQueue(const Lease& lease) {
  queue_changed_ = true;
  if (!settings_.restricts) return;
  const auto identity = identities_.find(AccessKey(lease.holder.identity));
  if (--identity->second.second == 0) identities_.erase(identity);
}

absl::Status LeaseBook::NotThere(const std::string& name) const {
  const auto past = past_.why.find(name);
  return absl::NotFoundError(past == past_.why.end() ? absl::StrCat("there is no lease ", OneLine(name, kSecretLength))
                                                     : absl::StrCat("the lease ", name, " has ended: ", past->second));
}

absl::StatusOr<LeaseBook::Lease*> LeaseBook::FindOwn(const Requester& who, const std::string& name,
                                                     const std::string& secret) {
  const auto lease = leases_.find(name);
  if (lease == leases_.end()) return NotThere(name);
  if (DigestOf(secret) != lease->second.record.secret_sha256()) {
    return absl::PermissionDeniedError(absl::StrCat("this is not the secret of the lease ", name));
  }
  if (who.owner != lease->second.holder.owner) {
    return absl::PermissionDeniedError(absl::StrCat("the lease ", name, " belongs to ",
                                                    lease->second.holder.identity.Text(), ", and you are ",
                                                    who.identity.Text()));
  }
  return &lease->second;
}

void LeaseBook::Resume(std::shared_ptr<LeaseClient> client, const Requester& who, const v1::ResumeRequest& request,
                       Time now) {
  const auto found = FindOwn(who, request.lease(), request.secret());
  if (!found.ok()) {
    return outbox_.After([client = std::move(client), why = found.status()] { client->End(why); });
  }
  Lease& lease = **found;
  if (lease.client != nullptr) {
    clients_.erase(lease.client.get());
    outbox_.After([old = lease.client] { old->End(absl::AbortedError("another call has resumed the lease")); });
  }
  lease.client = std::move(client);
  lease.secret.clear();
  lease.lost.reset();
  clients_[lease.client.get()] = lease.name();
  if (lease.granted()) {
    TellGranted(lease, now);
    Detach(lease);
  } else {
    lease.told = {};
    fresh_.push_back(lease.name());
  }
  Schedule(lease);
}

void LeaseBook::HangUp(const LeaseClient* client, bool released, Time now) {
  const auto name = clients_.find(client);
  if (name == clients_.end()) return;
  Lease& lease = leases_.at(name->second);
  if (released) return End(lease, v1::END_REASON_RELEASED, "its holder has ended it", now);
  clients_.erase(name);
  outbox_.After([kept = std::move(lease.client)] {});
  lease.client = nullptr;
  lease.secret.clear();
  lease.lost = now + settings_.rules.grace;
  Schedule(lease);
}

absl::StatusOr<v1::Lease> LeaseBook::Renew(const Requester& who, const v1::RenewRequest& request, Time now) {
  const auto found = FindOwn(who, request.lease(), request.secret());
  if (!found.ok()) return found.status();
  Lease& lease = **found;
  if (!lease.granted()) {
    return absl::FailedPreconditionError(absl::StrCat("the lease ", lease.name(), " has not been granted yet"));
  }
  const milliseconds longest = FromMessage(lease.record.longest());
  const auto& duration = request.has_duration() ? request.duration() : lease.record.request().duration();
  if (absl::Status wrong = CheckDuration("the duration", duration, kLeastDuration, longest); !wrong.ok()) return wrong;
  const Time end = lease.until - milliseconds(lease.record.until_ms() - lease.record.granted_at_ms()) + longest;
  if (end - now < kLeastDuration) {
    return absl::FailedPreconditionError(
        absl::StrCat("the lease ", lease.name(), " may last no longer than ", Text(longest)));
  }
  SetTimes(lease, std::min(end, now + FromMessage(duration)), now);
  Store(lease);
  TellServers(lease, now);
  TellGranted(lease, now);
  return ToMessage(lease, now);
}

absl::Status LeaseBook::Release(const Requester& who, const v1::ReleaseRequest& request, Time now) {
  const auto found = FindOwn(who, request.lease(), request.secret());
  if (!found.ok()) return found.status();
  End(**found, v1::END_REASON_RELEASED, "its holder has ended it", now);
  return absl::OkStatus();
}

// --- Rights

bool LeaseBook::MayView(const Policy& policy, const Requester& who, const Lease& lease) const {
  if (!settings_.restricts || who.owner == lease.holder.owner) return true;
  const auto may_view = [&](const ProbeNames& probe) {
    return policy.Decide(who.identity, Right::kView, probe).allowed;
  };
  if (!lease.queued()) {
    const auto& probes = lease.record.probes();
    return std::any_of(probes.begin(), probes.end(),
                       [&](const auto& probe) { return may_view(fleet_.Find(probe.uid())->names()); });
  }
  const std::vector<Selector> selectors = SelectorsOf(lease.record.request());
  return std::any_of(fleet_.probes().begin(), fleet_.probes().end(), [&](const auto& probe) {
    const ProbeNames names = probe.second.names();
    return std::any_of(selectors.begin(), selectors.end(), [&](const auto& one) { return one.Fits(names); }) &&
           may_view(names);
  });
}

// Whether `who` has the right `admin`, or `kick` for all of these probes; for some probe if there are none.
absl::Status LeaseBook::CheckMayKick(const Requester& who, const std::vector<std::string>& uids) const {
  const std::shared_ptr<const Policy> policy = settings_.policy();
  if (policy->Decide(who.identity, Right::kAdmin).allowed) return absl::OkStatus();
  if (uids.empty()) return policy->Decide(who.identity, Right::kKick).status();
  for (const std::string& uid : uids) {
    const Decision decision = policy->Decide(who.identity, Right::kKick, fleet_.Find(uid)->names());
    if (!decision.allowed) return decision.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Lease> LeaseBook::Get(const Requester& who, const v1::GetRequest& request, Time now) const {
  const auto lease = leases_.find(request.lease());
  if (lease == leases_.end() || !MayView(*settings_.policy(), who, lease->second)) return NotThere(request.lease());
  v1::Lease message = ToMessage(lease->second, now);
  if (!lease->second.queued()) return message;
  const Scheduler::Place place = scheduler_.PlaceOf(lease->second.record.number());
  message.mutable_queued()->set_position(place.position);
  message.mutable_queued()->set_why(*place.why);
  return message;
}

v1::ListResponse LeaseBook::List(const Requester& who, Time now) const {
  const std::shared_ptr<const Policy> policy = settings_.policy();
  v1::ListResponse response;
  std::map<std::string, std::string> leases;  // by probe
  for (const auto& [name, lease] : leases_) {
    for (const auto& probe : lease.record.probes()) leases[probe.uid()] = name;
    if (!lease.queued() && MayView(*policy, who, lease)) *response.add_leases() = ToMessage(lease, now);
  }
  for (const Scheduler::Place& place : scheduler_.Places()) {
    const Lease& lease = leases_.at(names_.at(place.number));
    if (!MayView(*policy, who, lease)) continue;
    v1::Lease& message = *response.add_queue();
    message = ToMessage(lease, now);
    message.mutable_queued()->set_position(place.position);
    message.mutable_queued()->set_why(*place.why);
  }
  for (const auto& [uid, known] : fleet_.probes()) {
    if (!policy->Decide(who.identity, Right::kView, known.names()).allowed) continue;
    v1::BrokerProbe& probe = *response.add_probes();
    probe.set_uid(uid);
    probe.set_host(known.record.host());
    *probe.mutable_labels() = known.record.labels();
    probe.set_present(known.present);
    probe.set_maintenance(known.record.maintenance());
    if (const auto lease = leases.find(uid); lease != leases.end()) probe.set_lease(lease->second);
    probe.set_waiting(scheduler_.WaitingFor(uid));
  }
  return response;
}

absl::Status LeaseBook::SetMaintenance(const Requester& who, const v1::SetMaintenanceRequest& request) {
  if (absl::Status wrong = CheckText("the reason", request.reason()); !wrong.ok()) return wrong;
  const KnownProbe* const probe = fleet_.Find(request.probe());
  const std::shared_ptr<const Policy> policy = settings_.policy();
  const bool visible = probe != nullptr && (policy->Decide(who.identity, Right::kAdmin).allowed ||
                                            policy->Decide(who.identity, Right::kView, probe->names()).allowed ||
                                            policy->Decide(who.identity, Right::kKick, probe->names()).allowed);
  if (!visible) return absl::NotFoundError(absl::StrCat("no probe has the unique ID ", OneLine(request.probe(), 256)));
  if (absl::Status denied = CheckMayKick(who, {request.probe()}); !denied.ok()) return denied;
  const std::string reason = OneLine(request.reason());
  fleet_.SetMaintenance(request.probe(), reason);
  queue_changed_ = true;
  outbox_.After([this, who, uid = request.probe(), reason] { observer_.OnMaintenance(who, uid, reason); });
  return absl::OkStatus();
}

absl::Status LeaseBook::Revoke(const Requester& who, const v1::RevokeRequest& request, Time now) {
  if (absl::Status wrong = CheckText("the reason", request.reason()); !wrong.ok()) return wrong;
  const auto lease = leases_.find(request.lease());
  if (lease == leases_.end() || !MayView(*settings_.policy(), who, lease->second)) return NotThere(request.lease());
  if (absl::Status denied = CheckMayKick(who, lease->second.uids()); !denied.ok()) return denied;
  const std::string reason = OneLine(request.reason());
  End(lease->second, v1::END_REASON_REVOKED,
      absl::StrCat(who.identity.Text(), " has revoked it", reason.empty() ? "" : ": ", reason), now);
  return absl::OkStatus();
}

void LeaseBook::OnPolicy(Time now) {
  scheduler_.Reconsider();
  const std::shared_ptr<const Policy> policy = settings_.policy();
  std::vector<std::string> denied;
  for (const auto& [name, lease] : leases_) {
    for (const auto& probe : lease.record.probes()) {
      const ProbeNames names = fleet_.Find(probe.uid())->names();
      if (!policy->Decide(lease.holder.identity, Right::kUse, names).allowed) denied.push_back(name);
    }
  }
  for (const std::string& name : denied) {
    const auto lease = leases_.find(name);
    if (lease == leases_.end()) continue;
    End(lease->second, v1::END_REASON_REVOKED, "the access file no longer allows its holder to use the probe", now);
  }
}

// --- Servers

void LeaseBook::Register(std::shared_ptr<ServerLink> link, const v1::Hello& hello, Time now) {
  if (absl::Status wrong = CheckHello(hello); !wrong.ok()) {
    return outbox_.After([link = std::move(link), wrong] { link->End(wrong); });
  }
  if (const auto replaced = fleet_.Register(hello, link)) {
    outbox_.After([replaced] { replaced->End(absl::AbortedError("a server with the same name has dialled in")); });
  }
  queue_changed_ = true;
  v1::RegisterResponse response;
  response.mutable_welcome();
  for (const auto& [name, lease] : leases_) {
    v1::Grant grant = MakeGrant(lease, link.get(), now);
    if (!grant.probes().empty()) *response.mutable_welcome()->add_grants() = std::move(grant);
  }
  outbox_.After([this, link = std::move(link), response, host = hello.host(), probes = hello.probes_size()] {
    link->Tell(response);
    observer_.OnServer(host, static_cast<size_t>(probes), true);
  });
}

void LeaseBook::Hear(const ServerLink* link, const v1::RegisterRequest& request, Time now) {
  switch (request.request_case()) {
    case v1::RegisterRequest::kProbe:
      // A wrong report ends the stream before it gets here.
      fleet_.Report(link, request.probe());
      queue_changed_ = true;
      return;
    case v1::RegisterRequest::kConfirmed:
      return Confirm(link, request.confirmed().lease(), now);
    case v1::RegisterRequest::kActivity:
      return Use(request.activity(), now);
    case v1::RegisterRequest::kHello:
    case v1::RegisterRequest::REQUEST_NOT_SET:
      return;
  }
}

void LeaseBook::Unregister(const ServerLink* link, Time now) {
  const auto gone = fleet_.Unregister(link);
  if (!gone) return;
  queue_changed_ = true;
  outbox_.After([this, gone] { observer_.OnServer(gone->host, gone->probes.size(), false); });
  std::vector<Lease*> unconfirmed;
  for (auto& [name, lease] : leases_) {
    const bool concerned =
        std::any_of(gone->probes.begin(), gone->probes.end(),
                    [&held = lease](const std::string& uid) { return held.unconfirmed.contains(uid); });
    if (concerned) unconfirmed.push_back(&lease);
  }
  for (Lease* const lease : unconfirmed) Requeue(*lease, "a server has gone before it confirmed the lease", now);
}

void LeaseBook::Close(const absl::Status& why) {
  for (const auto& [pointer, name] : clients_) {
    outbox_.After([client = leases_.at(name).client, why] { client->End(why); });
  }
  for (const auto& link : fleet_.Links()) outbox_.After([link, why] { link->End(why); });
}

void LeaseBook::Use(const v1::Activity& activity, Time now) {
  for (const v1::Activity::Lease& used : activity.leases()) {
    const auto found = leases_.find(used.lease());
    if (found == leases_.end() || !found->second.granted()) continue;
    Lease& lease = found->second;
    lease.last_command = std::max(lease.last_command, now - FromMessage(used.idle()));
    const milliseconds warning = std::min(settings_.rules.warning, settings_.rules.idle / 4);
    lease.idle_look = lease.last_command + settings_.rules.idle - warning;
    if (lease.idle_end && *lease.idle_look > now) {
      lease.idle_end.reset();
      TellGranted(lease, now);
    }
    Schedule(lease);
  }
}

// --- Steps

// The scheduler has chosen probes: their servers are asked.
void LeaseBook::Offer(const Scheduler::Assignment& assignment, Time now) {
  Lease& lease = leases_.at(names_.at(assignment.number));
  LeftQueue(lease);
  lease.record.set_state(v1::LEASE_STATE_CONFIRMING);
  for (const Scheduler::Pick& pick : assignment.probes) {
    auto& probe = *lease.record.add_probes();
    probe.set_uid(pick.uid);
    probe.set_selector(pick.selector);
    lease.unconfirmed.insert(pick.uid);
  }
  lease.pool = settings_.pools.NameOf(fleet_.Find(assignment.probes.front().uid)->names());
  lease.until = now + settings_.rules.confirm;
  Store(lease);
  TellServers(lease, now);
  Schedule(lease);
}

void LeaseBook::Confirm(const ServerLink* link, const std::string& name, Time now) {
  const auto found = leases_.find(name);
  if (found == leases_.end() || found->second.unconfirmed.empty()) return;
  Lease& lease = found->second;
  std::erase_if(lease.unconfirmed, [&](const std::string& uid) { return fleet_.LinkOf(uid).get() == link; });
  if (lease.unconfirmed.empty()) Grant(lease, now);
}

void LeaseBook::Grant(Lease& lease, Time now) {
  lease.record.set_state(v1::LEASE_STATE_GRANTED);
  lease.record.set_granted_at_ms(settings_.wall_clock());
  SetTimes(lease, now + FromMessage(lease.record.request().duration()), now);
  Store(lease);
  outbox_.After([this, event = EventOf(lease, now)] { observer_.OnGranted(event); });
  TellGranted(lease, now);
  Detach(lease);
}

// From now on, it ends at this time, and its holder has not been warned.
void LeaseBook::SetTimes(Lease& lease, Time until, Time now) {
  const milliseconds left = Milliseconds(until - now);
  lease.until = until;
  lease.warning = until - std::min(settings_.rules.warning, left / 4);
  if (!lease.idle_look) {
    lease.last_command = now;
    lease.idle_look = now + settings_.rules.idle - std::min(settings_.rules.warning, settings_.rules.idle / 4);
  }
  lease.record.set_until_ms(settings_.wall_clock() + left.count());
  Schedule(lease);
}

// A detached lease does not end with the stream on which its holder heard of it.
void LeaseBook::Detach(Lease& lease) {
  if (!lease.record.request().detached() || lease.client == nullptr) return;
  clients_.erase(lease.client.get());
  outbox_.After([client = std::move(lease.client)] { client->End(absl::OkStatus()); });
  lease.client = nullptr;
  lease.secret.clear();
}

void LeaseBook::Requeue(Lease& lease, const std::string& why, Time now) {
  TellServersEnd(lease, why);
  scheduler_.Finish(lease.record.number());
  lease.record.set_state(v1::LEASE_STATE_QUEUED);
  lease.record.clear_probes();
  lease.unconfirmed.clear();
  lease.until = std::max(now, lease.since + FromMessage(lease.record.request().queue_timeout()));
  lease.told = {};
  if (absl::Status missing = Join(lease); !missing.ok()) {
    // Its probes have other labels now. It is not in the scheduler's queue.
    return Remove(lease, v1::END_REASON_REVOKED, std::string(missing.message()), now);
  }
  fresh_.push_back(lease.name());
  Store(lease);
  Schedule(lease);
}

void LeaseBook::End(Lease& lease, v1::EndReason reason, const std::string& why, Time now) {
  if (lease.queued()) {
    scheduler_.Leave(lease.record.number());
    LeftQueue(lease);
  } else {
    TellServersEnd(lease, why);
    scheduler_.Finish(lease.record.number());
    queue_changed_ = true;
  }
  Remove(lease, reason, why, now);
}

void LeaseBook::Remove(Lease& lease, v1::EndReason reason, const std::string& why, Time now) {
  LeaseEvent event = EventOf(lease, now);
  event.reason = reason;
  event.why = why;
  outbox_.Erase(RecordKind::kLease, lease.name());
  outbox_.After([this, event] { observer_.OnEnded(event); });
  if (lease.client != nullptr) {
    v1::AcquireResponse response;
    response.mutable_ended()->set_reason(reason);
    response.mutable_ended()->set_why(why);
    Tell(lease, std::move(response));
    clients_.erase(lease.client.get());
    outbox_.After([client = std::move(lease.client)] { client->End(absl::OkStatus()); });
  }
  past_.names.push_back(lease.name());
  past_.why[lease.name()] = why;
  if (past_.names.size() > kMostPast) {
    past_.why.erase(past_.names.front());
    past_.names.pop_front();
  }
  if (lease.due) due_.erase({*lease.due, lease.name()});
  names_.erase(lease.record.number());
  leases_.erase(std::string(lease.name()));
}

// --- Time

// Notes when something must happen to the lease by itself.
void LeaseBook::Schedule(Lease& lease) {
  if (lease.due) due_.erase({*lease.due, lease.name()});
  Time due = lease.until;
  for (const auto& time : {lease.lost, lease.warning, lease.idle_look, lease.idle_end}) {
    if (time) due = std::min(due, *time);
  }
  lease.due = due;
  due_.insert({due, lease.name()});
}

void LeaseBook::OnDue(Lease& lease, Time now) {
  if (lease.lost && *lease.lost <= now) {
    return End(lease, v1::END_REASON_LOST,
               absl::StrCat("its client did not come back within ", Text(settings_.rules.grace)), now);
  }
  if (lease.granted()) return OnDueGranted(lease, now);
  if (lease.until > now) return Schedule(lease);
  if (lease.queued()) {
    const std::string why = *scheduler_.PlaceOf(lease.record.number()).why;
    const milliseconds waited = FromMessage(lease.record.request().queue_timeout());
    return End(lease, v1::END_REASON_QUEUE_TIMEOUT, absl::StrCat("it has waited for ", Text(waited), ": ", why), now);
  }
  GiveUpServers(lease, now);
}

// Its servers have not confirmed the lease in time. Their probes are away until they dial in again.
void LeaseBook::GiveUpServers(Lease& lease, Time now) {
  // A copy, because the lease may have gone at the end.
  const std::string name = lease.name();  // NOLINT(performance-unnecessary-copy-initialization)
  const std::string why = absl::StrCat("the lease ", name, " was not confirmed within ", Text(settings_.rules.confirm));
  for (const std::string& uid : std::set<std::string>(lease.unconfirmed)) {
    const std::shared_ptr<ServerLink> link = fleet_.LinkOf(uid);
    if (link == nullptr) continue;
    outbox_.After([link, why] { link->End(absl::DeadlineExceededError(why)); });
    Unregister(link.get(), now);
  }
  // Since a restart of the broker, none of them may have dialled in.
  const auto again = leases_.find(name);
  if (again != leases_.end() && !again->second.unconfirmed.empty()) Requeue(again->second, why, now);
}

void LeaseBook::OnDueGranted(Lease& lease, Time now) {
  if (lease.until <= now) {
    const milliseconds lasted(lease.record.until_ms() - lease.record.granted_at_ms());
    return End(lease, v1::END_REASON_EXPIRED, absl::StrCat("it has lasted for ", Text(lasted)), now);
  }
  if (lease.warning && *lease.warning <= now) {
    lease.warning.reset();
    v1::AcquireResponse response;
    *response.mutable_expiring()->mutable_in() = broker::ToMessage(lease.until - now);
    response.mutable_expiring()->set_why("its duration is nearly over; it can be renewed");
    Tell(lease, std::move(response));
  }
  if ((lease.idle_look && *lease.idle_look <= now) || (lease.idle_end && *lease.idle_end <= now)) {
    const std::string name = lease.name();
    LookIfIdle(lease, now);
    if (!leases_.contains(name)) return;
  }
  Schedule(lease);
}

void LeaseBook::LookIfIdle(Lease& lease, Time now) {
  const bool wanted = Wanted(lease);
  if (lease.idle_end && wanted) {
    if (*lease.idle_end > now) {
      lease.idle_look = lease.idle_end;
      return;
    }
    const std::string why =
        absl::StrCat("no command came for ", Text(Milliseconds(now - lease.last_command)), ", and others wait");
    return End(lease, v1::END_REASON_IDLE, why, now);
  }
  if (lease.idle_end) {
    lease.idle_end.reset();
    TellGranted(lease, now);
  } else if (wanted) {
    const milliseconds warning = std::min(settings_.rules.warning, settings_.rules.idle / 4);
    lease.idle_end = now + warning;
    v1::AcquireResponse response;
    *response.mutable_expiring()->mutable_in() = broker::ToMessage(warning);
    response.mutable_expiring()->set_why("others wait, and no command has come for a while; the next one keeps it");
    response.mutable_expiring()->set_idle(true);
    Tell(lease, std::move(response));
  }
  lease.idle_look = lease.idle_end.value_or(now + kLookAgain);
}

// Whether others wait for one of its probes. What happens on a probe whose server has gone is not known, so that counts
// as activity.
bool LeaseBook::Wanted(const Lease& lease) const {
  bool wanted = false;
  for (const auto& probe : lease.record.probes()) {
    if (fleet_.LinkOf(probe.uid()) == nullptr) return false;
    wanted = wanted || scheduler_.WaitingFor(probe.uid()) > 0;
  }
  return wanted;
}

std::optional<LeaseBook::Time> LeaseBook::NextDue() const {
  std::optional<Time> next = scheduler_.NextRise();
  if (!due_.empty()) next = std::min(next.value_or(due_.begin()->first), due_.begin()->first);
  if (queue_changed_ && scheduler_.waiting() > 0) next = std::min(next.value_or(next_tell_), next_tell_);
  return next;
}

Outbox LeaseBook::Settle(Time now) {
  while (true) {
    for (const auto& assignment : scheduler_.Assign(now)) Offer(assignment, now);
    if (due_.empty() || due_.begin()->first > now) break;
    OnDue(leases_.at(due_.begin()->second), now);
  }
  for (const std::string& name : std::exchange(fresh_, {})) {
    const auto lease = leases_.find(name);
    if (lease == leases_.end() || !lease->second.queued()) continue;
    TellQueued(lease->second, scheduler_.PlaceOf(lease->second.record.number()));
  }
  if (queue_changed_ && next_tell_ <= now) TellQueue(now);
  return std::exchange(outbox_, {});
}

// --- Telling

void LeaseBook::Store(const Lease& lease) {
  outbox_.Put(RecordKind::kLease, lease.name(), lease.record.SerializeAsString());
}

void LeaseBook::Tell(Lease& lease, v1::AcquireResponse response) {
  if (lease.client == nullptr) return;
  response.set_lease(lease.name());
  response.set_secret(lease.secret);
  outbox_.After([client = lease.client, response = std::move(response)] { client->Tell(response); });
}

void LeaseBook::TellGranted(Lease& lease, Time now) {
  v1::AcquireResponse response;
  *response.mutable_granted() = ToMessage(lease, now);
  Tell(lease, std::move(response));
}

void LeaseBook::TellQueued(Lease& lease, const Scheduler::Place& place) {
  std::pair<uint32_t, std::string> place_and_why(place.position, *place.why);
  if (lease.told == place_and_why) return;
  lease.told = std::move(place_and_why);
  if (!std::exchange(lease.announced, true))
    outbox_.After([this, event = EventOf(lease, lease.since)] { observer_.OnQueued(event); });
  v1::AcquireResponse response;
  response.mutable_queued()->set_position(place.position);
  response.mutable_queued()->set_why(*place.why);
  Tell(lease, std::move(response));
}

void LeaseBook::TellQueue(Time now) {
  queue_changed_ = false;
  next_tell_ = now + std::max(kTellEvery, kTellEveryPerWaiter * static_cast<int64_t>(scheduler_.waiting()));
  for (const Scheduler::Place& place : scheduler_.Places()) TellQueued(leases_.at(names_.at(place.number)), place);
}

v1::Grant LeaseBook::MakeGrant(const Lease& lease, const ServerLink* link, Time now) const {
  v1::Grant grant;
  grant.set_lease(lease.name());
  for (const auto& probe : lease.record.probes()) {
    if (fleet_.LinkOf(probe.uid()).get() == link) grant.add_probes(probe.uid());
  }
  grant.set_secret_sha256(lease.record.secret_sha256());
  *grant.mutable_holder() = lease.holder.ToMessage();
  // If the broker is there at the end, it says so. If it is not, the lease ends a little later than it should, because
  // it was granted a little later than this is sent.
  const std::chrono::nanoseconds left =
      lease.granted() ? lease.until - now : std::chrono::nanoseconds(FromMessage(lease.record.request().duration()));
  *grant.mutable_remaining() = broker::ToMessage(left + settings_.rules.confirm);
  grant.set_note(lease.record.request().note());
  grant.set_for_address(lease.record.request().for_address());
  return grant;
}

void LeaseBook::TellServers(const Lease& lease, Time now) {
  std::set<std::shared_ptr<ServerLink>> links;
  for (const std::string& uid : lease.uids()) links.insert(fleet_.LinkOf(uid));
  for (const auto& link : links) {
    if (link == nullptr) continue;
    v1::RegisterResponse response;
    *response.mutable_grant() = MakeGrant(lease, link.get(), now);
    outbox_.After([link, response = std::move(response)] { link->Tell(response); });
  }
}

void LeaseBook::TellServersEnd(const Lease& lease, const std::string& why) {
  std::set<std::shared_ptr<ServerLink>> links;
  for (const std::string& uid : lease.uids()) links.insert(fleet_.LinkOf(uid));
  for (const auto& link : links) {
    if (link == nullptr) continue;
    v1::RegisterResponse response;
    response.mutable_end()->set_lease(lease.name());
    response.mutable_end()->set_why(why);
    outbox_.After([link, response = std::move(response)] { link->Tell(response); });
  }
}

v1::Lease LeaseBook::ToMessage(const Lease& lease, Time now) const {
  const v1::LeaseRequest& request = lease.record.request();
  v1::Lease message;
  message.set_lease(lease.name());
  message.set_state(lease.record.state());
  *message.mutable_holder() = lease.holder.ToMessage();
  for (const auto& chosen : lease.record.probes()) {
    const KnownProbe& known = *fleet_.Find(chosen.uid());
    v1::LeasedProbe& probe = *message.add_probes();
    probe.set_uid(chosen.uid());
    probe.set_host(known.record.host());
    probe.set_address(fleet_.AddressOf(chosen.uid()));
    *probe.mutable_labels() = known.record.labels();
    probe.set_selector(chosen.selector());
  }
  *message.mutable_remaining() = broker::ToMessage(lease.until - now);
  *message.mutable_age() = broker::ToMessage(now - lease.since);
  message.set_note(request.note());
  message.set_detached(request.detached());
  message.set_for_address(request.for_address());
  *message.mutable_selectors() = request.selectors();
  return message;
}

LeaseEvent LeaseBook::EventOf(const Lease& lease, Time now) const {
  const bool granted = lease.granted();
  const int64_t waited = lease.record.granted_at_ms() - lease.record.requested_at_ms();
  return {.lease = lease.name(),
          .holder = lease.holder,
          .probes = lease.uids(),
          .note = lease.record.request().note(),
          .pool = lease.pool,
          .waited = granted ? milliseconds(std::max<int64_t>(0, waited)) : Milliseconds(now - lease.since)};
}

// --- The start

absl::Status LeaseBook::Restore(const Records& leases, const Records& probes, Time now) {
  for (const auto& [uid, stored] : probes) {
    v1::ProbeRecord record;
    if (!record.ParseFromString(stored)) return absl::DataLossError("the store's record of the probe " + uid);
    fleet_.Restore(std::move(record));
  }
  for (const auto& [name, stored] : leases) {
    v1::LeaseRecord record;
    if (!record.ParseFromString(stored)) return absl::DataLossError("the store's record of the lease " + name);
    if (absl::Status failed = Restore(std::move(record), now); !failed.ok()) return failed;
  }
  return absl::OkStatus();
}

// No client and no server has been heard of since the broker ended.
absl::Status LeaseBook::Restore(v1::LeaseRecord record, Time now) {
  Lease lease{.holder = Requester::FromRecord(record.holder()), .pool = PoolOf(record.request())};
  lease.record = std::move(record);
  lease.place = quota_.TakeAnyway(lease.holder.key, 1);
  const int64_t wall = settings_.wall_clock();
  lease.since = now - milliseconds(std::max<int64_t>(0, wall - lease.record.requested_at_ms()));
  next_number_ = std::max(next_number_, lease.record.number() + 1);
  const bool detached = lease.granted() && lease.record.request().detached();
  if (!detached) lease.lost = now + settings_.rules.grace;
  if (lease.granted()) {
    const milliseconds whole(lease.record.until_ms() - lease.record.granted_at_ms());
    const milliseconds left = std::clamp(milliseconds(lease.record.until_ms() - wall), milliseconds(0), whole);
    lease.until = now + left;
    lease.warning = lease.until - std::min(settings_.rules.warning, left / 4);
    lease.last_command = now;
    lease.idle_look = now + settings_.rules.idle - std::min(settings_.rules.warning, settings_.rules.idle / 4);
  } else if (lease.queued()) {
    const milliseconds timeout = FromMessage(lease.record.request().queue_timeout());
    lease.until = std::clamp(lease.since + timeout, now + settings_.rules.grace, now + settings_.rules.grace + timeout);
  } else {
    for (const std::string& uid : lease.uids()) lease.unconfirmed.insert(uid);
    lease.until = now + settings_.rules.confirm;
  }
  const std::string name = lease.name();
  Lease& restored = leases_.emplace(name, std::move(lease)).first->second;
  names_[restored.record.number()] = name;
  Schedule(restored);
  if (!restored.queued()) {
    scheduler_.Occupy(restored.record.number(), restored.holder.key, restored.uids());
    return absl::OkStatus();
  }
  // It was possible when it was stored, so it can only fail if the rules have changed since.
  if (absl::Status missing = Join(restored); !missing.ok()) {
    Remove(restored, v1::END_REASON_REVOKED, std::string(missing.message()), now);
  }
  return absl::OkStatus();
}

LeaseBook::State LeaseBook::GetState() const {
  State state{.servers = fleet_.Links().size(), .pools = {}};
  for (const std::string& name : settings_.pools.Names()) state.pools[name];
  for (const auto& [name, lease] : leases_) {
    PoolState& pool = state.pools[lease.pool];
    if (lease.granted()) ++pool.leases;
    if (lease.queued()) ++pool.waiting;
  }
  for (const auto& [uid, probe] : fleet_.probes()) {
    PoolState& pool = state.pools[settings_.pools.NameOf(probe.names())];
    if (!probe.record.maintenance().empty()) {
      ++pool.maintenance;
    } else if (probe.present) {
      ++pool.in_service;
    }
  }
  return state;
}

}  // namespace probegate::broker
