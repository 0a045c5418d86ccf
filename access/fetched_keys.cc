#include "access/fetched_keys.h"

#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "access/file_text.h"
#include "access/http_get.h"
#include "access/key_cache.h"
#include "base/mutex.h"
#include "base/start_thread.h"

namespace probegate {
namespace {

constexpr std::chrono::seconds kLookAtClock{10};  // how often the thread does, while nobody calls Get
constexpr size_t kMostToken = 16'384;             // bytes of a file with a bearer token

// If the clock was set back, no time that is known has passed.
absl::Duration Since(absl::Time then, absl::Time now) { return now < then ? absl::InfiniteDuration() : now - then; }

}  // namespace

absl::StatusOr<std::string> FetchOverHttp(const IssuerSettings& issuer, const std::function<bool()>& cancelled) {
  HttpRequest request{.url = issuer.jwks, .ca_file = issuer.jwks_ca, .token = {}};
  if (!issuer.jwks_token.empty()) {
    // Read each time: Kubernetes replaces it.
    const auto token = ReadFileText(issuer.jwks_token, kMostToken);
    if (!token.ok()) return token.status();
    request.token = std::string(absl::StripAsciiWhitespace(*token));
  }
  return HttpGet(request, cancelled);
}

struct FetchedKeys::State {
  State(IssuerSettings of, Environment with)
      : issuer(std::move(of)),
        environment(std::move(with)),
        cache(environment.cache_folder, issuer.jwks),
        failure(absl::UnavailableError("the keys of " + issuer.issuer + " could not be fetched yet")) {}

  static void EnsureRuns(const std::shared_ptr<State>& state);
  void Run();
  void LoadCopy();
  void Fetch();
  bool Stopping() {
    MutexLock lock(mutex);
    return stopping;
  }
  bool IsUsable(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return keys != nullptr && Since(fetched, now) < kUnusableAfter;
  }
  bool MayAsk(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return !fetching && Since(asked, now) >= kAskAgainAfter;
  }
  bool IsDue(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return MayAsk(now) && (wanted || Since(fetched, now) >= kRefreshAfter);
  }

  const IssuerSettings issuer;
  const Environment environment;
  const KeyCache cache;

  Mutex mutex;
  CondVar wake;
  bool running ABSL_GUARDED_BY(mutex) = false;  // the thread
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  bool fetching ABSL_GUARDED_BY(mutex) = false;
  bool wanted ABSL_GUARDED_BY(mutex) = false;  // for a key that is unknown
  std::shared_ptr<const JwkSet> keys ABSL_GUARDED_BY(mutex);
  absl::Time fetched ABSL_GUARDED_BY(mutex) = absl::InfinitePast();
  absl::Time asked ABSL_GUARDED_BY(mutex) = absl::InfinitePast();
  absl::Status failure ABSL_GUARDED_BY(mutex);  // of the last attempt
};

void FetchedKeys::State::EnsureRuns(const std::shared_ptr<State>& state) {
  MutexLock lock(state->mutex);
  if (!state->running) state->running = StartDetached("the keys of an issuer", [state] { state->Run(); }).ok();
}

void FetchedKeys::State::Run() {
  for (;;) {
    {
      MutexLock lock(mutex);
      while (!stopping && !IsDue(environment.clock())) {
        wake.WaitUntil(mutex, std::chrono::steady_clock::now() + kLookAtClock);
      }
      if (stopping) return;
      fetching = true;
      wanted = false;
      asked = environment.clock();
    }
    Fetch();
  }
}

void FetchedKeys::State::LoadCopy() {
  const std::optional<KeyCache::Entry> copy = cache.Load();
  if (!copy) return;
  auto set = JwkSet::Parse(copy->jwks);
  if (!set.ok()) return;
  MutexLock lock(mutex);
  keys = std::make_shared<const JwkSet>(*std::move(set));
  fetched = copy->fetched;
}

void FetchedKeys::State::Fetch() {
  const auto text = environment.fetch(issuer, [this] { return Stopping(); });
  auto set = text.ok() ? JwkSet::Parse(*text) : text.status();
  absl::Status status;
  if (!set.ok()) {
    status =
        absl::UnavailableError("cannot get the keys of " + issuer.issuer + ": " + std::string(set.status().message()));
  }
  const absl::Time now = environment.clock();
  {
    MutexLock lock(mutex);
    fetching = false;
    failure = status;
    if (set.ok()) {
      keys = std::make_shared<const JwkSet>(*std::move(set));
      fetched = now;
    }
    if (stopping) return;
  }
  if (status.ok()) status = cache.Store({.fetched = now, .jwks = *text});
  if (!status.ok()) environment.failed(status);
}

FetchedKeys::FetchedKeys(IssuerSettings issuer, Environment environment)
    : state_(std::make_shared<State>(std::move(issuer), std::move(environment))) {
  state_->LoadCopy();
  State::EnsureRuns(state_);
}

FetchedKeys::~FetchedKeys() {
  MutexLock lock(state_->mutex);
  state_->stopping = true;
  state_->wake.NotifyAll();
}

absl::StatusOr<std::shared_ptr<const JwkSet>> FetchedKeys::Get(std::string_view kid) {
  State& state = *state_;
  const absl::Time now = state.environment.clock();
  State::EnsureRuns(state_);
  MutexLock lock(state.mutex);
  const bool usable = state.IsUsable(now);
  const bool known = usable && (kid.empty() || state.keys->Has(kid));
  if (!known && state.MayAsk(now)) state.wanted = true;
  if (state.IsDue(now)) state.wake.NotifyAll();
  if (known) return state.keys;
  if (state.fetching || state.wanted) {
    return absl::UnavailableError("the keys of " + state.issuer.issuer + " are being fetched; try again in a moment");
  }
  if (!usable) {
    return absl::UnavailableError(std::string(state.failure.message()) + "; try again in a minute");
  }
  return absl::UnauthenticatedError("the token is signed with a key that " + state.issuer.issuer +
                                    " does not publish; if the key is new, try again in a minute");
}

}  // namespace probegate
