#include "server/sessions/unary_sessions.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/request_limits.h"
#include "base/session_name.h"
#include "probe/error.h"
#include "server/commands/request_cost.h"
#include "server/sessions/same_secret.h"

namespace probegate {
namespace {

constexpr std::chrono::seconds kDefaultIdleTimeout{60};
constexpr std::chrono::seconds kMaxIdleTimeout{86'400};

absl::Status NoSuchSession() {
  return MakeError(ErrorKind::kNotFound, "there is no such session, or it has ended; open one");
}

}  // namespace

// Guarded by mutex_.
struct UnarySessions::Entry {
  std::string owner;  // Caller::owner of who opened it
  std::chrono::seconds idle_timeout{0};
  Clock::time_point deadline = Clock::time_point::max();  // of the idle time-out, while no call is under way
  size_t in_flight = 0;
  size_t unanswered_bytes = 0;

  SessionHandle session;              // empty while it is being opened, and after its end
  std::optional<absl::Status> ended;  // if it was not its client's doing
};

// A unary call that waits for its command's answer. If its session ends, the lane drops the command, in the queue or on
// the wire, and this with it. So the destructor is the one way in which calls are cut off.
class UnarySessions::WaitingCall {
 public:
  // `cost` is what Admit has counted.
  WaitingCall(UnarySessions& sessions, std::shared_ptr<Entry> entry, size_t cost, CallCallback done)
      : sessions_(sessions), entry_(std::move(entry)), cost_(cost), done_(std::move(done)) {}
  WaitingCall(WaitingCall&& other) noexcept
      : sessions_(other.sessions_),
        entry_(std::move(other.entry_)),
        cost_(other.cost_),
        done_(std::exchange(other.done_, nullptr)) {}
  WaitingCall& operator=(WaitingCall&&) = delete;
  ~WaitingCall() {
    if (!done_) return;
    Settle();
    std::exchange(done_, nullptr)(WhyCutOff());
  }

  void Answer(v1::StreamResponse response) {
    Settle();
    std::exchange(done_, nullptr)(std::move(response));
  }

 private:
  void Settle() {
    MutexLock lock(sessions_.mutex_);
    entry_->unanswered_bytes -= cost_;
    if (--entry_->in_flight == 0) sessions_.Touch(*entry_);
  }

  absl::Status WhyCutOff() const {
    MutexLock lock(sessions_.mutex_);
    return entry_->ended ? *entry_->ended : absl::CancelledError("the session was closed");
  }

  UnarySessions& sessions_;
  std::shared_ptr<Entry> entry_;
  const size_t cost_;
  CallCallback done_;
};

UnarySessions::UnarySessions(SessionRegistry& registry, std::function<Clock::time_point()> now)
    : registry_(registry), now_(std::move(now)) {}

UnarySessions::~UnarySessions() {
  std::vector<SessionHandle> sessions;
  {
    MutexLock lock(mutex_);
    for (const auto& [name, entry] : entries_) sessions.push_back(std::move(entry->session));
    entries_.clear();
  }
  for (SessionHandle& session : sessions) {
    session.Release({SessionEndCause::kServerStopped, absl::CancelledError("the server ended")});
  }
}

absl::StatusOr<v1::OpenSessionResponse> UnarySessions::Open(const v1::OpenSessionRequest& request, const Caller& caller,
                                                            std::string_view traceparent) {
  std::chrono::seconds timeout(request.idle_timeout_seconds());
  if (timeout > kMaxIdleTimeout) {
    return MakeError(ErrorKind::kInvalidArgument, absl::StrCat("idle_timeout_seconds is ", timeout.count(),
                                                               "; at most ", kMaxIdleTimeout.count(), " is allowed"));
  }
  const auto entry = std::make_shared<Entry>();
  entry->owner = caller.owner;
  entry->idle_timeout = timeout.count() == 0 ? kDefaultIdleTimeout : timeout;
  // There is no stream on which to report the end: the next call does not find the session.
  auto on_end = [this, weak = std::weak_ptr<Entry>(entry)](const absl::Status& why) {
    if (const auto ended = weak.lock()) OnEnded(*ended, why);
  };
  auto opened = registry_.Open(request, caller, std::move(on_end), traceparent, SessionRegistry::Kick::kByOwner);
  if (!opened.ok()) return opened.status();
  MutexLock lock(mutex_);
  if (entry->ended) return *entry->ended;
  entries_[opened->session.session()->id().name()] = entry;
  CountOwner(entry->owner, 1);
  entry->session = std::move(opened->session);
  Touch(*entry);
  return std::move(opened->response);
}

// The registry knows how the session ended, so that it only needs to be given back. Until Open has stored the session
// there is nothing to give back: Open sees that it has ended.
void UnarySessions::OnEnded(Entry& entry, const absl::Status& why) {
  SessionHandle session;  // given back without the mutex
  MutexLock lock(mutex_);
  if (!entry.ended) entry.ended = why;
  session = Take(entry);
}

std::shared_ptr<UnarySessions::Entry> UnarySessions::FindOwn(const std::string& session_id,
                                                             const Caller& caller) const {
  const auto found = entries_.find(SessionName(session_id));
  if (found == entries_.end() || found->second->owner != caller.owner) return nullptr;
  return SameSecret(found->second->session.session()->id().secret(), session_id) ? found->second : nullptr;
}

void UnarySessions::CountOwner(const std::string& owner, int more) {
  size_t& count = owners_[owner];
  count += static_cast<size_t>(more);
  if (count == 0) owners_.erase(owner);
}

absl::Status UnarySessions::CheckHasSession(const Caller& caller) const {
  MutexLock lock(mutex_);
  return owners_.contains(caller.owner) ? absl::OkStatus() : NoSuchSession();
}

SessionHandle UnarySessions::Take(Entry& entry) {
  if (entry.session && entries_.erase(entry.session.session()->id().name()) > 0) CountOwner(entry.owner, -1);
  return std::move(entry.session);
}

absl::Status UnarySessions::Admit(Entry& entry, size_t cost) {
  const bool too_many = entry.in_flight >= kMaxUnanswered;
  const bool too_large = entry.in_flight > 0 && entry.unanswered_bytes + cost > kMaxUnansweredBytes;
  if (too_many || too_large) {
    return MakeError(ErrorKind::kBusy,
                     absl::StrCat("the session has ", entry.in_flight, " unanswered calls of ", entry.unanswered_bytes,
                                  " bytes in all, which is the limit; wait for answers"));
  }
  ++entry.in_flight;
  entry.unanswered_bytes += cost;
  entry.deadline = Clock::time_point::max();
  return absl::OkStatus();
}

void UnarySessions::Submit(const std::string& session_id, const Caller& caller, v1::StreamRequest command,
                           CallCallback done, AbandonedCheck abandoned) {
  const size_t cost = RequestCost(command);
  std::shared_ptr<Entry> entry;
  std::shared_ptr<Session> session;
  absl::Status admitted;
  {
    MutexLock lock(mutex_);
    entry = FindOwn(session_id, caller);
    admitted = entry == nullptr ? NoSuchSession() : Admit(*entry, cost);
    if (admitted.ok()) session = entry->session.session();
  }
  if (!admitted.ok()) return done(admitted);
  registry_.Renew(session->id().name(), caller.identity.expires);
  session->Submit(
      std::move(command),
      [call = WaitingCall(*this, std::move(entry), cost, std::move(done))](v1::StreamResponse response) mutable {
        call.Answer(std::move(response));
      },
      std::move(abandoned));
}

absl::Status UnarySessions::Close(const std::string& session_id, const Caller& caller) {
  SessionHandle session;
  {
    MutexLock lock(mutex_);
    const auto entry = FindOwn(session_id, caller);
    if (entry == nullptr) return NoSuchSession();
    session = Take(*entry);
  }
  session.Release({SessionEndCause::kClosed, absl::CancelledError("closed by its client")});
  return absl::OkStatus();
}

void UnarySessions::Touch(Entry& entry) {
  entry.deadline = now_() + entry.idle_timeout;
  if (entry.deadline < next_wake_) wake_.NotifyAll();
}

void UnarySessions::EndIdle() {
  std::vector<SessionHandle> idle;
  {
    MutexLock lock(mutex_);
    const Clock::time_point now = now_();
    for (auto named = entries_.begin(); named != entries_.end();) {
      Entry& entry = *named->second;
      if (entry.deadline > now) {
        ++named;
        continue;
      }
      idle.push_back(std::move(entry.session));
      CountOwner(entry.owner, -1);
      named = entries_.erase(named);
    }
  }
  for (SessionHandle& session : idle) {
    session.Release({SessionEndCause::kIdle, absl::CancelledError("no call came within the idle time-out")});
  }
}

bool UnarySessions::AwaitIdle() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    next_wake_ = Clock::time_point::max();
    for (const auto& [name, entry] : entries_) next_wake_ = std::min(next_wake_, entry->deadline);
    if (next_wake_ <= now_()) return true;
    if (next_wake_ == Clock::time_point::max()) {
      wake_.Wait(mutex_);
    } else {
      wake_.WaitUntil(mutex_, next_wake_);
    }
  }
  return false;
}

void UnarySessions::StopWaiting() {
  MutexLock lock(mutex_);
  stopping_ = true;
  wake_.NotifyAll();
}

}  // namespace probegate
