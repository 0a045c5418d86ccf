#include "base/grpc/flood_guard.h"

#include <linux/filter.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <ctime>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/memory_trim.h"
#include "base/start_thread.h"

namespace probegate {
namespace {

// How often connections are examined while the program is busy: usually, and after a sign of life was late.
constexpr std::chrono::milliseconds kCalm{20};
constexpr std::chrono::milliseconds kAlert{5};
constexpr std::chrono::seconds kAlertTime{5};
// A connection is behind if it has as many bytes that gRPC has not read: more than an honest gateway sends while gRPC
// is late. It is paused if that is so in two examinations in a row, or in one if it has been paused lately.
constexpr int kBehindBytes = 16 << 10;
constexpr int kBehind = 2;
// A pause lasts until gRPC has served what was waiting before it, and this long at least and at most. A client that
// still has too many calls then does not read their answers; its connections are reset. So are they at once if the
// program has more memory than FloodRules::memory.
constexpr std::chrono::milliseconds kPause{100};  // a fifth more after each earlier pause
constexpr std::chrono::seconds kLongestPause{2};
constexpr std::chrono::seconds kForget{10};
constexpr int kStrikes = 10;
constexpr int kStrikesOfTrusted = 100;
constexpr int kStrikesIfLarge = 2;  // while the program has more memory than FloodRules::memory
// While this program uses less of the time of one CPU, connections are examined this rarely.
constexpr double kBusy = 0.2;
constexpr std::chrono::seconds kIdle{1};
// How much longer the guard waits than the last examination has kept a CPU busy. What it waited for a CPU itself does
// not count: on a machine with other work, it would look too rarely.
constexpr int kCost = 10;

// The shortest pause of a connection that has now been paused so often.
std::chrono::milliseconds Pause(int strikes) { return kPause + (strikes - 1) * kPause / 5; }

// The system drops everything that arrives. This has no effect on a unix socket, whose bytes nobody would repeat.
void Hold(int socket) {
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{.len = 1, .filter = &nothing};
  ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

void GoOn(int socket) {
  const int unused = 0;
  ::setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
}

// Resets the connection, and discards what has not been read. A unix socket can only be shut down.
void Reset(int socket) {
  const sockaddr nowhere{.sa_family = AF_UNSPEC, .sa_data = {}};
  if (::connect(socket, &nowhere, sizeof(nowhere)) != 0) ::shutdown(socket, SHUT_RDWR);
}

// The processor time that this program (CLOCK_PROCESS_CPUTIME_ID) or thread (CLOCK_THREAD_CPUTIME_ID) has used.
std::chrono::nanoseconds CpuTime(clockid_t whose) {
  timespec used{};
  ::clock_gettime(whose, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

int Unread(int socket) {
  int bytes = 0;
  return ::ioctl(socket, FIONREAD, &bytes) == 0 ? bytes : 0;
}

}  // namespace

FloodGuard::FloodGuard(ConnectionWatch& watch, std::unique_ptr<SignsOfLife> signs, FloodRules rules)
    : watch_(watch), signs_(std::move(signs)), rules_(std::move(rules)) {}

absl::StatusOr<std::unique_ptr<FloodGuard>> FloodGuard::Start(ConnectionWatch& watch, FloodRules rules) {
  auto signs = SignsOfLife::Start();
  if (!signs.ok()) return signs.status();
  std::unique_ptr<FloodGuard> guard(new FloodGuard(watch, *std::move(signs), std::move(rules)));
  const absl::Status started =
      StartThread(guard->thread_, "watching for floods", [self = guard.get()] { self->Run(); });
  if (!started.ok()) return started;
  return guard;
}

FloodGuard::~FloodGuard() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void FloodGuard::Run() {
  Clock::time_point last_late;
  Clock::time_point examined;
  std::chrono::nanoseconds cost{};
  for (auto now = Clock::now();; now = Clock::now()) {
    const auto next = now + std::max<Clock::duration>(now < last_late + kAlertTime ? kAlert : kCalm, kCost * cost);
    const auto used = CpuTime(CLOCK_PROCESS_CPUTIME_ID);
    {
      MutexLock lock(mutex_);
      while (!stopping_ && Clock::now() < next) changed_.WaitUntil(mutex_, next);
      if (stopping_) return;
    }
    const auto begun = Clock::now();
    const auto own = CpuTime(CLOCK_THREAD_CPUTIME_ID);
    const bool busy = CpuTime(CLOCK_PROCESS_CPUTIME_ID) - used > kBusy * (begun - now);
    if (!busy && suspects_.empty() && begun < examined + kIdle) continue;
    examined = begun;
    const bool late = signs_->late(begun);
    if (late) last_late = begun;
    Examine(late);
    signs_->Ask(begun);
    cost = CpuTime(CLOCK_THREAD_CPUTIME_ID) - own;
  }
}

// Looks at all connections. Pauses those of clients with too many calls and, if gRPC is late, those that are behind.
void FloodGuard::Examine(bool late) {
  const auto now = Clock::now();
  ++examination_;
  const std::set<std::string> crowded = rules_.crowded();
  const bool large = ResidentBytes() > rules_.memory;
  std::vector<Peer> reset;
  watch_.ForEach([&](uint64_t number, int socket, const Peer& peer) {
    const auto found = suspects_.find(number);
    const bool behind = Unread(socket) >= kBehindBytes;
    const bool crowds = crowded.contains(peer.client);
    if (found == suspects_.end() && !behind && !crowds) return;
    Suspect& suspect = found == suspects_.end() ? suspects_[number] : found->second;
    suspect.seen = examination_;
    suspect.behind = behind ? suspect.behind + 1 : 0;
    const auto end = [&] {
      Reset(socket);
      reset.push_back(peer);
      suspect = {.seen = examination_};
    };
    if (crowds && large) return end();
    if (suspect.paused) {
      const bool too_long = now >= suspect.since + kLongestPause;
      const bool served =
          !crowds && signs_->answered() >= suspect.since && now >= suspect.since + Pause(suspect.strikes);
      if (crowds && too_long) return end();
      if (!served && !too_long) return;
      GoOn(socket);
      suspect = {.strikes = suspect.strikes, .until = now + kForget, .seen = examination_};
    } else if (crowds || (late && suspect.behind >= (suspect.strikes > 0 ? 1 : kBehind))) {
      if (suspect.strikes >= (large ? kStrikesIfLarge : rules_.trusted(peer) ? kStrikesOfTrusted : kStrikes))
        return end();
      Hold(socket);
      suspect = {.strikes = suspect.strikes + 1, .paused = true, .since = now, .seen = examination_};
    } else if (!behind && now >= suspect.until) {
      suspect.seen = 0;  // forgotten
    }
  });
  std::erase_if(suspects_, [this](const auto& entry) { return entry.second.seen != examination_; });
  for (const Peer& peer : reset) rules_.on_reset(peer);
}

}  // namespace probegate
