// The registry's unary calls: sessions without a connection to live by, which end when they are idle.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/request_limits.h"
#include "probe/error.h"
#include "server/catalog/description.h"
#include "server/commands/request_cost.h"
#include "server/sessions/session_registry.h"
#include "server/sessions/session_registry_entry.h"

namespace probegate {
namespace {

constexpr std::chrono::seconds kDefaultIdleTimeout{60};
constexpr std::chrono::seconds kMaxIdleTimeout{86'400};

absl::Status NoSuchSession() {
  return MakeError(ErrorKind::kNotFound, "there is no such session, or it has ended; open one");
}

}  // namespace

// A unary call that waits for its command's answer. A command whose session ends is dropped by the lane, wherever it
// was: in the queue or on the wire. So the destructor is the one way in which calls are cut off.
class SessionRegistry::WaitingCall {
 public:
  // `cost` is what Admit has counted.
  WaitingCall(SessionRegistry& registry, std::shared_ptr<Entry> entry, size_t cost, CallCallback done)
      : registry_(registry), entry_(std::move(entry)), cost_(cost), done_(std::move(done)) {}
  WaitingCall(WaitingCall&& other) noexcept
      : registry_(other.registry_),
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
    MutexLock lock(registry_.mutex_);
    entry_->unanswered_bytes -= cost_;
    registry_.unanswered_bytes_ -= cost_;
    if (--entry_->in_flight == 0) registry_.Touch(*entry_);
  }

  absl::Status WhyCutOff() const {
    MutexLock lock(registry_.mutex_);
    return entry_->ended ? entry_->ended->why : absl::CancelledError("the session was closed");
  }

  SessionRegistry& registry_;
  std::shared_ptr<Entry> entry_;
  const size_t cost_;
  CallCallback done_;
};

absl::StatusOr<v1::OpenSessionResponse> SessionRegistry::OpenForCalls(const v1::OpenSessionRequest& request,
                                                                      const Peer& peer, std::string_view traceparent) {
  std::chrono::seconds timeout(request.idle_timeout_seconds());
  if (timeout > kMaxIdleTimeout) {
    return MakeError(ErrorKind::kInvalidArgument, absl::StrCat("idle_timeout_seconds is ", timeout.count(),
                                                               ", at most ", kMaxIdleTimeout.count(), " are possible"));
  }
  auto entry = std::make_shared<Entry>();
  entry->host = peer.host;
  entry->idle_timeout = timeout.count() == 0 ? kDefaultIdleTimeout : timeout;
  // Nobody waits on a stream to hear of the end: the next call finds the session gone.
  auto on_end = [this, weak = std::weak_ptr<Entry>(entry)](const absl::Status&) {
    if (const auto ended = weak.lock()) RemoveEntry(*ended);
  };
  auto session = Open(request, peer, entry, std::move(on_end), traceparent);
  if (!session.ok()) return session.status();
  v1::OpenSessionResponse response;
  response.set_session_id((*session)->id().secret());
  *response.mutable_probe() = Describe((*session)->lane().probe_info());
  MutexLock lock(mutex_);
  Touch(*entry);
  return response;
}

std::shared_ptr<SessionRegistry::Entry> SessionRegistry::FindOwn(const std::string& session_id,
                                                                 const Peer& peer) const {
  const auto found = entries_.find(session_id.substr(0, kSessionNameLength));
  if (found == entries_.end()) return nullptr;
  const Entry& entry = *found->second;
  if (entry.session == nullptr || entry.host != peer.host) return nullptr;
  return SameSecret(entry.session->id().secret(), session_id) ? found->second : nullptr;
}

absl::Status SessionRegistry::Admit(Entry& entry, size_t cost) {
  const bool too_many = entry.in_flight >= kMaxUnanswered;
  const bool too_large = entry.in_flight > 0 && entry.unanswered_bytes + cost > kMaxUnansweredBytes;
  if (too_many || too_large) {
    return MakeError(ErrorKind::kBusy, absl::StrCat("the session has ", entry.in_flight, " calls of ",
                                                    entry.unanswered_bytes, " bytes unanswered, and takes no more"));
  }
  if (unanswered_bytes_ > 0 && unanswered_bytes_ + cost > kMaxUnaryBytes) {
    return MakeError(ErrorKind::kBusy, absl::StrCat("the server has calls of ", unanswered_bytes_,
                                                    " bytes unanswered, and takes no more"));
  }
  ++entry.in_flight;
  entry.unanswered_bytes += cost;
  unanswered_bytes_ += cost;
  entry.deadline = Clock::time_point::max();
  return absl::OkStatus();
}

void SessionRegistry::Submit(const std::string& session_id, const Peer& peer, v1::StreamRequest command,
                             CallCallback done, AbandonedCheck abandoned) {
  const size_t cost = RequestCost(command);
  std::shared_ptr<Entry> entry;
  std::shared_ptr<Session> session;
  absl::Status admitted;
  {
    MutexLock lock(mutex_);
    entry = FindOwn(session_id, peer);
    admitted = entry == nullptr ? NoSuchSession() : Admit(*entry, cost);
    if (admitted.ok()) session = entry->session;
  }
  if (!admitted.ok()) return done(admitted);
  session->Submit(
      std::move(command),
      [call = WaitingCall(*this, std::move(entry), cost, std::move(done))](v1::StreamResponse response) mutable {
        call.Answer(std::move(response));
      },
      std::move(abandoned));
}

absl::Status SessionRegistry::Close(const std::string& session_id, const Peer& peer) {
  {
    MutexLock lock(mutex_);
    if (FindOwn(session_id, peer) == nullptr) return NoSuchSession();
  }
  Remove(session_id.substr(0, kSessionNameLength),
         {SessionEndCause::kClosed, absl::CancelledError("closed by its client")});
  return absl::OkStatus();
}

void SessionRegistry::Touch(Entry& entry) {
  entry.deadline = Clock::now() + entry.idle_timeout;
  if (entry.deadline < next_wake_) wake_.NotifyAll();
}

std::vector<std::string> SessionRegistry::TakeIdle() {
  const Clock::time_point now = Clock::now();
  std::vector<std::string> idle;
  next_wake_ = Clock::time_point::max();
  for (const auto& [name, entry] : entries_) {
    if (entry->deadline <= now) {
      idle.push_back(name);
    } else {
      next_wake_ = std::min(next_wake_, entry->deadline);
    }
  }
  return idle;
}

void SessionRegistry::EndIdleSessions() {
  while (true) {
    std::vector<std::string> idle;
    {
      MutexLock lock(mutex_);
      for (idle = TakeIdle(); idle.empty() && !stopping_; idle = TakeIdle()) {
        if (next_wake_ == Clock::time_point::max()) {
          wake_.Wait(mutex_);
        } else {
          wake_.WaitUntil(mutex_, next_wake_);
        }
      }
      if (stopping_) return;
    }
    for (const std::string& name : idle) {
      Remove(name, {SessionEndCause::kIdle, absl::CancelledError("no call came for its idle time-out")});
    }
  }
}

}  // namespace probegate
