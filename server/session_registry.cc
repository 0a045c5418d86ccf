#include "server/session_registry.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "probe/error.h"
#include "server/description.h"
#include "server/text.h"

namespace probegate {
namespace {

constexpr size_t kNameLength = 16;
constexpr size_t kMaxClientText = 128;  // bytes, as proto/probegate/v1/debug_probe.proto says
constexpr size_t kMaxReason = 256;      // bytes
constexpr std::chrono::seconds kDefaultIdleTimeout{60};
constexpr std::chrono::seconds kMaxIdleTimeout{86'400};

absl::Status NoSuchSession() {
  return MakeError(ErrorKind::kNotFound, "there is no such session, or it has ended; open one");
}

// Takes equally long wherever the two differ: a session's name is public, the rest of its id is not.
bool SameSecret(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  int difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

v1::ClientInfo CleanClient(const v1::ClientInfo& said, const Peer& peer) {
  v1::ClientInfo client;
  client.set_name(OneLine(said.name(), kMaxClientText));
  client.set_version(OneLine(said.version(), kMaxClientText));
  client.set_user(OneLine(said.user(), kMaxClientText));
  client.set_peer_address(OneLine(said.peer_address().empty() ? peer.address : said.peer_address(), kMaxClientText));
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
  return info;
}

}  // namespace

// Guarded by the registry's mutex.
struct SessionRegistry::Entry {
  // Of unary calls' sessions: whose it is. A stream's session answers to no call.
  std::optional<std::string> host;
  std::chrono::seconds idle_timeout{0};
  Clock::time_point deadline = Clock::time_point::max();
  size_t in_flight = 0;

  std::shared_ptr<Session> session;   // null while it is being opened
  std::optional<absl::Status> ended;  // why, where somebody ended it
};

// A unary call that waits for its command's answer. A command whose session ends is dropped by the lane, wherever it
// was: in the queue or on the wire. So the destructor is the one way in which calls are cut off.
class SessionRegistry::WaitingCall {
 public:
  WaitingCall(SessionRegistry& registry, std::shared_ptr<Entry> entry, CallCallback done)
      : registry_(registry), entry_(std::move(entry)), done_(std::move(done)) {}
  WaitingCall(WaitingCall&& other) noexcept
      : registry_(other.registry_), entry_(std::move(other.entry_)), done_(std::exchange(other.done_, nullptr)) {}
  WaitingCall& operator=(WaitingCall&&) = delete;
  ~WaitingCall() {
    if (done_) std::exchange(done_, nullptr)(WhyCutOff());
  }

  void Answer(v1::StreamResponse response) {
    {
      MutexLock lock(registry_.mutex_);
      if (--entry_->in_flight == 0) registry_.Touch(*entry_);
    }
    std::exchange(done_, nullptr)(std::move(response));
  }

 private:
  absl::Status WhyCutOff() const {
    MutexLock lock(registry_.mutex_);
    return entry_->ended.value_or(absl::CancelledError("the session was closed"));
  }

  SessionRegistry& registry_;
  std::shared_ptr<Entry> entry_;
  CallCallback done_;
};

SessionHandle& SessionHandle::operator=(SessionHandle&& other) noexcept {
  Release();
  registry_ = std::exchange(other.registry_, nullptr);
  session_ = std::move(other.session_);
  return *this;
}

void SessionHandle::Release() {
  if (session_ == nullptr) return;
  const std::string name = session_->id().name();
  session_ = nullptr;
  std::exchange(registry_, nullptr)->Remove(name, "its stream ended");
}

SessionRegistry::SessionRegistry(Catalog& catalog, Log& log, size_t max_sessions)
    : catalog_(catalog), log_(log), max_sessions_(max_sessions), idle_thread_([this] { EndIdleSessions(); }) {}

SessionRegistry::~SessionRegistry() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  idle_thread_.join();
  std::vector<std::string> names;
  {
    MutexLock lock(mutex_);
    for (const auto& [name, entry] : entries_) names.push_back(name);
  }
  for (const std::string& name : names) Remove(name, "the server ended");
}

// --- Opening
// ----------------------------------------------------------------------------------------------------------

absl::Status SessionRegistry::Reserve(const std::string& name, const std::shared_ptr<Entry>& entry) {
  MutexLock lock(mutex_);
  if (entries_.size() >= max_sessions_) {
    return MakeError(ErrorKind::kBusy, absl::StrCat("the server has ", entries_.size(), " sessions and takes no more"));
  }
  entries_[name] = entry;
  return absl::OkStatus();
}

// The entry stands in the map before the session is opened, so that they are counted, and whoever ends it finds it.
absl::StatusOr<std::shared_ptr<Session>> SessionRegistry::Open(const v1::OpenSessionRequest& request, const Peer& peer,
                                                               const std::shared_ptr<Entry>& entry,
                                                               Session::EndCallback on_end) {
  const auto unique_id = catalog_.Resolve(request.probe());
  if (!unique_id.ok()) return unique_id.status();
  const auto lane = catalog_.FindLane(*unique_id);
  if (!lane.ok()) return lane.status();
  SessionId id = SessionId::Random();
  const std::string name = id.name();
  if (absl::Status reserved = Reserve(name, entry); !reserved.ok()) return reserved;

  auto ended = [this, entry, on_end = std::move(on_end)](const absl::Status& why) mutable {
    {
      MutexLock lock(mutex_);
      entry->ended = why;
    }
    on_end(why);
  };
  const v1::ClientInfo client = CleanClient(request.client(), peer);
  auto session = (*lane)->OpenSession(std::move(id), client, std::move(ended));
  {
    MutexLock lock(mutex_);
    if (session.ok() && entry->ended) session = *entry->ended;
    if (!session.ok()) {
      entries_.erase(name);
      return session.status();
    }
    entry->session = *session;
  }
  log_.Info("session.opened",
            {{"session", name}, {"probe", *unique_id}, {"client", client.name()}, {"peer", client.peer_address()}});
  return session;
}

absl::StatusOr<SessionRegistry::Opened> SessionRegistry::OpenForStream(const v1::OpenSessionRequest& request,
                                                                       const Peer& peer, Session::EndCallback on_end) {
  auto session = Open(request, peer, std::make_shared<Entry>(), std::move(on_end));
  if (!session.ok()) return session.status();
  Opened opened;
  opened.response.set_session_id((*session)->id().secret());
  *opened.response.mutable_probe() = Describe((*session)->lane().probe_info());
  opened.session.registry_ = this;
  opened.session.session_ = *std::move(session);
  return opened;
}

absl::StatusOr<v1::OpenSessionResponse> SessionRegistry::OpenForCalls(const v1::OpenSessionRequest& request,
                                                                      const Peer& peer) {
  std::chrono::seconds timeout(request.idle_timeout_seconds());
  if (timeout > kMaxIdleTimeout) {
    return MakeError(ErrorKind::kInvalidArgument, absl::StrCat("idle_timeout_seconds is ", timeout.count(),
                                                               ", at most ", kMaxIdleTimeout.count(), " are possible"));
  }
  auto entry = std::make_shared<Entry>();
  entry->host = peer.host;
  entry->idle_timeout = timeout.count() == 0 ? kDefaultIdleTimeout : timeout;
  // Nobody waits on a stream to hear of the end: the next call finds the session gone.
  auto session = Open(request, peer, entry, [this, weak = std::weak_ptr<Entry>(entry)](const absl::Status& why) {
    if (const auto ended = weak.lock()) RemoveEntry(*ended, std::string(why.message()));
  });
  if (!session.ok()) return session.status();
  v1::OpenSessionResponse response;
  response.set_session_id((*session)->id().secret());
  *response.mutable_probe() = Describe((*session)->lane().probe_info());
  MutexLock lock(mutex_);
  Touch(*entry);
  return response;
}

// --- Using
// ------------------------------------------------------------------------------------------------------------

std::shared_ptr<SessionRegistry::Entry> SessionRegistry::FindOwn(const std::string& session_id,
                                                                 const Peer& peer) const {
  const auto found = entries_.find(session_id.substr(0, kNameLength));
  if (found == entries_.end()) return nullptr;
  const Entry& entry = *found->second;
  if (entry.session == nullptr || entry.host != peer.host) return nullptr;
  return SameSecret(entry.session->id().secret(), session_id) ? found->second : nullptr;
}

void SessionRegistry::Submit(const std::string& session_id, const Peer& peer, v1::StreamRequest command,
                             CallCallback done) {
  std::shared_ptr<Entry> entry;
  std::shared_ptr<Session> session;
  {
    MutexLock lock(mutex_);
    entry = FindOwn(session_id, peer);
    if (entry != nullptr) {
      session = entry->session;
      ++entry->in_flight;
      entry->deadline = Clock::time_point::max();
    }
  }
  if (session == nullptr) return done(NoSuchSession());
  session->Submit(std::move(command), [call = WaitingCall(*this, std::move(entry), std::move(done))](
                                          v1::StreamResponse response) mutable { call.Answer(std::move(response)); });
}

absl::Status SessionRegistry::Close(const std::string& session_id, const Peer& peer) {
  {
    MutexLock lock(mutex_);
    if (FindOwn(session_id, peer) == nullptr) return NoSuchSession();
  }
  Remove(session_id.substr(0, kNameLength), "closed by its client");
  return absl::OkStatus();
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

absl::Status SessionRegistry::End(const std::string& session_name, const std::string& reason) {
  if (reason.size() > kMaxReason) {
    return MakeError(ErrorKind::kInvalidArgument,
                     absl::StrCat("the reason has ", reason.size(), " bytes, at most ", kMaxReason, " are possible"));
  }
  std::shared_ptr<Entry> entry;
  std::shared_ptr<Session> session;
  {
    MutexLock lock(mutex_);
    const auto found = entries_.find(session_name.substr(0, kNameLength));
    if (found != entries_.end()) {
      entry = found->second;
      session = entry->session;
    }
  }
  const bool named = session_name.size() == kNameLength;
  if (session == nullptr || (!named && !SameSecret(session->id().secret(), session_name))) {
    return MakeError(ErrorKind::kNotFound,
                     absl::StrCat("there is no session ", OneLine(session_name, kMaxClientText), ", or it has ended"));
  }
  const std::string said = reason.empty() ? std::string("no reason was given") : OneLine(reason);
  absl::Status why = absl::CancelledError(absl::StrCat("the session was ended: ", said));
  if (!entry->host) {
    session->End(why);
    return absl::OkStatus();
  }
  {
    MutexLock lock(mutex_);
    if (!entry->ended) entry->ended = std::move(why);
  }
  Remove(session->id().name(), "ended by somebody");
  return absl::OkStatus();
}

// --- Ending
// -----------------------------------------------------------------------------------------------------------

void SessionRegistry::Remove(const std::string& name, const std::string& why) {
  // Taken from its entry, which queued commands refer to and so keep; destroyed without the mutex.
  std::shared_ptr<Session> session;
  std::string reason = why;
  {
    MutexLock lock(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return;
    Entry& entry = *found->second;
    session = std::move(entry.session);
    if (entry.ended) reason = std::string(entry.ended->message());
    entries_.erase(found);
  }
  log_.Info("session.closed", {{"session", name}, {"why", reason}});
}

void SessionRegistry::RemoveEntry(Entry& entry, const std::string& why) {
  std::string name;
  {
    MutexLock lock(mutex_);
    if (entry.session == nullptr) return;  // Open sees that it has ended
    name = entry.session->id().name();
  }
  Remove(name, why);
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
    for (const std::string& name : idle) Remove(name, "no call came for its idle time-out");
  }
}

}  // namespace probegate
