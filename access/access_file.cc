#include "access/access_file.h"

#include <chrono>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "access/http_get.h"
#include "access/jwk_set.h"
#include "access/policy_reader.h"
#include "access/watched_file.h"
#include "base/mutex.h"
#include "base/start_thread.h"

namespace probegate {
namespace {

constexpr std::chrono::seconds kBetweenChecks{1};
constexpr size_t kMostTokensFile = size_t{4} << 20;  // bytes

}  // namespace

// The files, and how a snapshot is made of them. Used by one thread at a time.
class AccessFile::Files {
 public:
  Files(const Paths& paths, FetchedKeys::Environment keys) : keys_(std::move(keys)) {
    if (!paths.access.empty()) access_.emplace(paths.access, kMostAccessFile);
    if (!paths.tokens.empty()) tokens_.emplace(paths.tokens, kMostTokensFile);
  }

  // Whether any of the files has changed.
  bool Check() {
    bool changed = access_ && access_->Check();
    changed = (tokens_ && tokens_->Check()) || changed;
    for (auto& [path, file] : key_files_) changed = file.Check() || changed;
    return changed;
  }

  absl::StatusOr<std::shared_ptr<const AccessSnapshot>> Read() {
    auto snapshot = std::make_shared<AccessSnapshot>();
    auto policy = ReadAccess();
    if (!policy.ok()) return policy.status();
    snapshot->policy = *std::move(policy);
    auto tokens = ReadTokens();
    if (!tokens.ok()) return tokens.status();
    snapshot->tokens = std::make_shared<const StaticTokens>(*std::move(tokens));
    auto issuers = ReadIssuers(snapshot->policy->issuers());
    if (!issuers.ok()) return issuers.status();
    issuers_ = *issuers;
    snapshot->jwts = std::make_shared<const JwtVerifier>(*std::move(issuers));
    return snapshot;
  }

 private:
  absl::StatusOr<std::shared_ptr<const Policy>> ReadAccess() {
    if (!access_) return Policy::AllowAll();
    if (!access_->text().ok()) return access_->text().status();
    return ReadPolicy(*access_->text(), access_->path());
  }

  absl::StatusOr<StaticTokens> ReadTokens() {
    if (!tokens_) return StaticTokens();
    if (!tokens_->text().ok()) return tokens_->text().status();
    return StaticTokens::Parse(*tokens_->text(), tokens_->path());
  }

  absl::StatusOr<std::vector<JwtVerifier::Issuer>> ReadIssuers(const std::vector<IssuerSettings>& settings) {
    std::map<std::string, WatchedFile> before;
    before.swap(key_files_);  // those that are not named any more are forgotten
    std::vector<JwtVerifier::Issuer> issuers;
    absl::Status failed;
    for (const IssuerSettings& issuer : settings) {
      if (IsUrl(issuer.jwks)) {
        issuers.push_back({issuer, KeysFromUrl(issuer)});
        continue;
      }
      if (auto known = before.extract(issuer.jwks)) key_files_.insert(std::move(known));
      auto keys = KeysFromFile(key_files_.try_emplace(issuer.jwks, issuer.jwks, kMostHttpBody).first->second);
      // An error does not end the loop, so that all files are watched: the next change may be in any of them.
      if (keys.ok()) {
        issuers.push_back({issuer, *std::move(keys)});
      } else if (failed.ok()) {
        failed = keys.status();
      }
    }
    if (!failed.ok()) return failed;
    return issuers;
  }

  static absl::StatusOr<std::shared_ptr<IssuerKeys>> KeysFromFile(const WatchedFile& file) {
    if (!file.text().ok()) return file.text().status();
    auto set = JwkSet::Parse(*file.text());
    if (!set.ok()) return absl::InvalidArgumentError(file.path() + ": " + std::string(set.status().message()));
    return std::make_shared<FixedKeys>(*std::move(set));
  }

  // Those of before, if nothing about the issuer has changed: they need not be fetched again.
  std::shared_ptr<IssuerKeys> KeysFromUrl(const IssuerSettings& issuer) {
    for (const JwtVerifier::Issuer& before : issuers_) {
      if (before.settings == issuer) return before.keys;
    }
    return std::make_shared<FetchedKeys>(issuer, keys_);
  }

  const FetchedKeys::Environment keys_;
  std::optional<WatchedFile> access_;
  std::optional<WatchedFile> tokens_;
  std::map<std::string, WatchedFile> key_files_;
  std::vector<JwtVerifier::Issuer> issuers_;  // of the current snapshot
};

struct AccessFile::State {
  State(std::unique_ptr<Files> of, Callbacks calls) : callbacks(std::move(calls)), files(std::move(of)) {}

  const Callbacks callbacks;

  Mutex checking;  // held while the files are read and callbacks are called
  const std::unique_ptr<Files> files ABSL_PT_GUARDED_BY(checking);

  mutable Mutex mutex;
  CondVar wake;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  std::shared_ptr<const AccessSnapshot> current ABSL_GUARDED_BY(mutex);
  absl::Status status ABSL_GUARDED_BY(mutex);

  std::thread thread;  // set once, before Open returns
};

AccessFile::AccessFile(std::unique_ptr<Files> files, Callbacks callbacks)
    : state_(std::make_unique<State>(std::move(files), std::move(callbacks))) {}

absl::StatusOr<std::unique_ptr<AccessFile>> AccessFile::Open(const Paths& paths, Callbacks callbacks,
                                                             Environment environment) {
  const auto report = [failed = callbacks.keys_failed](const absl::Status& status) {
    if (failed) failed(status);
  };
  auto files = std::make_unique<Files>(paths, FetchedKeys::Environment{.fetch = std::move(environment.fetch),
                                                                       .clock = std::move(environment.clock),
                                                                       .cache_folder = paths.key_cache,
                                                                       .failed = report});
  auto snapshot = files->Read();
  if (!snapshot.ok()) return snapshot.status();
  std::unique_ptr<AccessFile> file(new AccessFile(std::move(files), std::move(callbacks)));
  {
    MutexLock lock(file->state_->mutex);
    file->state_->current = *std::move(snapshot);
  }
  const absl::Status started =
      StartThread(file->state_->thread, "watching the access file", [self = file.get()] { self->Run(); });
  if (!started.ok()) return started;
  return file;
}

void AccessFile::Run() {
  State& state = *state_;
  for (;;) {
    {
      MutexLock lock(state.mutex);
      const auto until = std::chrono::steady_clock::now() + kBetweenChecks;
      while (!state.stopping && state.wake.WaitUntil(state.mutex, until)) {
      }
      if (state.stopping) return;
    }
    Check();
  }
}

AccessFile::~AccessFile() {
  if (!state_->thread.joinable()) return;
  {
    MutexLock lock(state_->mutex);
    state_->stopping = true;
    state_->wake.NotifyAll();
  }
  state_->thread.join();
}

std::shared_ptr<const AccessSnapshot> AccessFile::current() const {
  MutexLock lock(state_->mutex);
  return state_->current;
}

absl::Status AccessFile::status() const {
  MutexLock lock(state_->mutex);
  return state_->status;
}

void AccessFile::Check() {
  State& state = *state_;
  MutexLock checking(state.checking);
  if (!state.files->Check()) return;
  auto snapshot = state.files->Read();
  {
    MutexLock lock(state.mutex);
    state.status = snapshot.status();
    if (snapshot.ok()) state.current = *snapshot;
  }
  if (!snapshot.ok()) {
    if (state.callbacks.invalid) state.callbacks.invalid(snapshot.status());
  } else if (state.callbacks.changed) {
    state.callbacks.changed(*snapshot);
  }
}

}  // namespace probegate
