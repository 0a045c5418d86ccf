#include "base/grpc/flood_guard.h"

#include <linux/filter.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <utility>
#include <vector>

#include "base/memory_trim.h"
#include "base/start_thread.h"

namespace probegate {
namespace {

// How often connections are examined: usually, and after a sign of life was late.
constexpr std::chrono::milliseconds kCalm{20};
constexpr std::chrono::milliseconds kAlert{5};
constexpr std::chrono::seconds kAlertTime{5};
// A connection is behind if it has as many bytes that gRPC has not read: more than an honest gateway sends while gRPC
// is late. It is paused if that is so in two examinations in a row.
constexpr int kBehindBytes = 16 << 10;
constexpr int kBehind = 2;
constexpr std::chrono::milliseconds kPause{100};
constexpr std::chrono::seconds kForget{10};
constexpr int kStrikes = 10;
constexpr int kStrikesOfTrusted = 100;
// gRPC counts as late, too, if the memory of this program grows by as much while connections are behind: calls that are
// cancelled at once pile up. That counts twice.
constexpr size_t kGrowth = size_t{32} << 20;

// The system drops everything that arrives.
void Pause(int socket) {
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{.len = 1, .filter = &nothing};
  ::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

void GoOn(int socket) {
  const int unused = 0;
  ::setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
}

// Resets the connection, and discards what has not been read.
void Reset(int socket) {
  const sockaddr nowhere{.sa_family = AF_UNSPEC, .sa_data = {}};
  ::connect(socket, &nowhere, sizeof(nowhere));
}

int Unread(int socket) {
  int bytes = 0;
  return ::ioctl(socket, FIONREAD, &bytes) == 0 ? bytes : 0;
}

}  // namespace

FloodGuard::FloodGuard(ConnectionWatch& watch, std::unique_ptr<SignsOfLife> signs, Trusted trusted, OnReset on_reset)
    : watch_(watch), signs_(std::move(signs)), trusted_(std::move(trusted)), on_reset_(std::move(on_reset)) {}

absl::StatusOr<std::unique_ptr<FloodGuard>> FloodGuard::Start(ConnectionWatch& watch, Trusted trusted,
                                                              OnReset on_reset) {
  auto signs = SignsOfLife::Start();
  if (!signs.ok()) return signs.status();
  std::unique_ptr<FloodGuard> guard(new FloodGuard(watch, *std::move(signs), std::move(trusted), std::move(on_reset)));
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
  for (;;) {
    const bool alert = Clock::now() < last_late + kAlertTime;
    {
      MutexLock lock(mutex_);
      const auto next = Clock::now() + (alert ? kAlert : kCalm);
      while (!stopping_ && Clock::now() < next) changed_.WaitUntil(mutex_, next);
      if (stopping_) return;
    }
    const bool grown = ResidentBytes() > calm_bytes_ + kGrowth;
    const int strike = grown ? 2 : signs_->late(Clock::now()) ? 1 : 0;
    Examine(strike);
    if (strike > 0) last_late = Clock::now();
    if (grown || suspects_.empty()) calm_bytes_ = ResidentBytes();
  }
}

// Looks at all connections, and pauses those that are behind if `strike`, which each of them gets, is not 0. Asks for
// another sign of life if any connection is behind.
void FloodGuard::Examine(int strike) {
  const auto now = Clock::now();
  bool any_behind = false;
  ++examination_;
  std::vector<Peer> reset;
  watch_.ForEach([&](uint64_t number, int socket, const Peer& peer) {
    const auto found = suspects_.find(number);
    const bool behind = Unread(socket) >= kBehindBytes;
    any_behind |= behind;
    if (found == suspects_.end() && !behind) return;
    Suspect& suspect = found == suspects_.end() ? suspects_[number] : found->second;
    suspect.seen = examination_;
    suspect.behind = behind ? suspect.behind + 1 : 0;
    if (suspect.paused) {
      if (now < suspect.until) return;
      GoOn(socket);
      suspect = {.strikes = suspect.strikes, .until = now + kForget, .seen = examination_};
    } else if (strike > 0 && suspect.behind >= kBehind) {
      suspect.strikes += strike;
      if (suspect.strikes > (trusted_(peer) ? kStrikesOfTrusted : kStrikes)) {
        Reset(socket);
        reset.push_back(peer);
        suspect = {.seen = examination_};
      } else {
        Pause(socket);
        suspect = {.strikes = suspect.strikes, .paused = true, .until = now + kPause, .seen = examination_};
      }
    } else if (!behind && now >= suspect.until) {
      suspect.seen = 0;  // forgotten
    }
  });
  std::erase_if(suspects_, [this](const auto& entry) { return entry.second.seen != examination_; });
  if (any_behind) signs_->Ask(now);
  for (const Peer& peer : reset) on_reset_(peer);
}

}  // namespace probegate
