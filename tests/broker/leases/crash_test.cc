// The broker is killed at each of its writes in turn: before it, or right after it.
//
// A child process runs a scenario and is killed at one of the writes. Then the same clients and servers come back, as
// they would, to a broker that has only what is in the store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <set>

#include "broker/leases/lease_book.h"
#include "broker/store/sqlite_store.h"
#include "tests/broker/store/store_folder.h"

namespace probegate::broker {
namespace {

using Time = LeaseBook::Time;

// Counts the writes, and kills the process at one of them.
class DeadlyStore final : public LeaseStore {
 public:
  enum class When { kBefore, kAfter };
  DeadlyStore(std::unique_ptr<LeaseStore> store, int write, When when)
      : store_(std::move(store)), write_(write), when_(when) {}

  absl::StatusOr<Records> Load(RecordKind kind) override { return store_->Load(kind); }
  absl::Status Check() override { return store_->Check(); }
  absl::Status Commit(const std::vector<Change>& changes) override {
    const bool last = ++writes_ == write_;
    if (last && when_ == When::kBefore) ::kill(::getpid(), SIGKILL);
    const absl::Status status = store_->Commit(changes);
    if (last) ::kill(::getpid(), SIGKILL);
    return status;
  }

 private:
  const std::unique_ptr<LeaseStore> store_;
  const int write_;
  const When when_;
  int writes_ = 0;
};

class NoObserver final : public LeaseObserver {
 public:
  void OnQueued(const LeaseEvent&) override {}
  void OnGranted(const LeaseEvent&) override {}
  void OnEnded(const LeaseEvent&) override {}
  void OnServer(const std::string&, size_t, bool) override {}
  void OnMaintenance(const Requester&, const std::string&, const std::string&) override {}
};

// What a client knows. It survives the broker, so it is in memory that both processes share.
struct Known {
  char lease[17] = {};
  char secret[33] = {};
  bool granted = false;
  bool releasing = false;  // it has asked the broker to end the lease
  bool ended = false;
};

class Client final : public LeaseClient {
 public:
  explicit Client(Known& known) : known_(known) {}
  void Tell(const v1::AcquireResponse& response) override {
    std::copy_n(response.lease().c_str(), response.lease().size() + 1, known_.lease);
    if (!response.secret().empty()) std::copy_n(response.secret().c_str(), 33, known_.secret);
    if (response.has_granted()) known_.granted = true;
    if (response.has_ended()) known_.ended = true;
  }
  void End(const absl::Status& status) override {
    // It was never stored, so its client asks again.
    if (absl::IsNotFound(status)) known_ = {};
  }

 private:
  Known& known_;
};

// Confirms what it is told, and holds each probe for one lease only.
class Server final : public ServerLink, public std::enable_shared_from_this<Server> {
 public:
  void Tell(const v1::RegisterResponse& response) override {
    if (response.has_welcome()) {
      for (const v1::Grant& grant : response.welcome().grants()) Take(grant);
    } else if (response.has_grant()) {
      Take(response.grant());
    } else {
      std::erase_if(holders_, [&](const auto& holder) { return holder.second == response.end().lease(); });
    }
  }
  void End(const absl::Status&) override {}

  std::vector<std::string> TakeOffers() { return std::exchange(offers_, {}); }

 private:
  void Take(const v1::Grant& grant) {
    for (const std::string& uid : grant.probes()) {
      const auto [holder, is_new] = holders_.emplace(uid, grant.lease());
      EXPECT_EQ(holder->second, grant.lease()) << uid << " has two holders";
    }
    offers_.push_back(grant.lease());
  }

  std::map<std::string, std::string> holders_;
  std::vector<std::string> offers_;
};

constexpr size_t kClients = 4;

// A broker whose thread is the caller's.
class Lab {
 public:
  Lab(LeaseStore& store, Known* known) : store_(store), known_(known), book_(Settings(), quota_, observer_) {
    EXPECT_TRUE(book_.Restore(*store.Load(RecordKind::kLease), *store.Load(RecordKind::kProbe), now_).ok());
    Settle();
  }

  void Register() {
    v1::Hello hello;
    hello.set_host("lab");
    for (const char* uid : {"A", "B"}) {
      v1::ProbeReport& probe = *hello.add_probes();
      probe.set_uid(uid);
      (*probe.mutable_labels())["board"] = "x";
      probe.set_present(true);
    }
    book_.Register(server_, hello, now_);
    Settle();
  }

  // Those that have asked before come back; the others ask. The last one wants both probes.
  void Ask() {
    for (size_t i = 0; i < kClients; ++i) {
      if (known_[i].ended) continue;
      clients_.push_back(std::make_shared<Client>(known_[i]));
      if (known_[i].secret[0] != 0) {
        v1::ResumeRequest resume;
        resume.set_lease(known_[i].lease);
        resume.set_secret(known_[i].secret);
        book_.Resume(clients_.back(), who_, resume, now_);
        Settle();
        if (known_[i].secret[0] != 0) continue;
      }
      v1::LeaseRequest request;
      v1::Selector& selector = *request.add_selectors();
      (*selector.mutable_labels())["board"] = "x";
      selector.set_count(i + 1 == kClients ? 2 : 1);
      book_.Acquire(clients_.back(), who_, request, now_);
      Settle();
    }
  }

  // Each that has been granted is released, until all have had their turn. A request whose client never heard of it has
  // nobody to resume it, so it ends in the meantime.
  void Finish() {
    for (int round = 0; round < 50; ++round) {
      now_ += std::chrono::seconds(1);
      Settle();
      for (size_t i = 0; i < kClients; ++i) {
        if (!known_[i].granted || known_[i].ended) continue;
        v1::ReleaseRequest release;
        release.set_lease(known_[i].lease);
        release.set_secret(known_[i].secret);
        known_[i].releasing = true;
        const absl::Status status = book_.Release(who_, release, now_);
        // It may have been stored that it has ended, and the client has not heard of it.
        known_[i].ended = known_[i].ended || absl::IsNotFound(status);
        Settle();
      }
    }
  }

  bool Has(const char* lease) const {
    v1::GetRequest request;
    request.set_lease(lease);
    return book_.Get(who_, request, now_).ok();
  }

 private:
  static LeaseBook::Settings Settings() {
    return {.rules = {}, .pools = {}, .policy = Policy::AllowAll, .restricts = false, .wall_clock = [] {
              return int64_t{1'000'000};
            }};
  }

  void Settle() {
    while (true) {
      const Outbox outbox = book_.Settle(now_);
      if (!outbox.changes.empty()) {
        ASSERT_TRUE(store_.Commit(outbox.changes).ok());
      }
      for (const auto& effect : outbox.effects) effect();
      const auto offers = server_->TakeOffers();
      if (offers.empty()) return;
      for (const std::string& lease : offers) {
        v1::RegisterRequest request;
        request.mutable_confirmed()->set_lease(lease);
        book_.Hear(server_.get(), request, now_);
      }
    }
  }

  LeaseStore& store_;
  Known* const known_;
  Time now_{};
  Quota quota_{"leases", {.all = 100, .per_client = 100}};
  NoObserver observer_;
  const Requester who_{.identity = {}, .key = "me", .owner = "me"};
  const std::shared_ptr<Server> server_ = std::make_shared<Server>();
  std::vector<std::shared_ptr<Client>> clients_;
  LeaseBook book_;
};

void RunScenario(LeaseStore& store, Known* known) {
  Lab lab(store, known);
  lab.Register();
  lab.Ask();
  lab.Finish();
}

std::unique_ptr<LeaseStore> Open(const StoreFolder& folder) {
  auto store = OpenSqliteStore(folder.File("store"));
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

// Whether a process was killed at this write; if not, the scenario has fewer.
bool KilledAt(int write, DeadlyStore::When when, const StoreFolder& folder, Known* known) {
  const pid_t child = ::fork();
  if (child == 0) {
    DeadlyStore store(Open(folder), write, when);
    RunScenario(store, known);
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

class CrashTest : public testing::TestWithParam<DeadlyStore::When> {};

TEST_P(CrashTest, NobodyIsForgottenAndNoProbeIsLost) {
  int write = 0;
  for (bool killed = true; killed;) {
    ++write;
    SCOPED_TRACE(testing::Message() << "write " << write);
    const StoreFolder folder;
    auto* const known = static_cast<Known*>(
        ::mmap(nullptr, sizeof(Known) * kClients, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    for (size_t i = 0; i < kClients; ++i) known[i] = {};
    killed = KilledAt(write, GetParam(), folder, known);

    const auto store = Open(folder);
    Lab lab(*store, known);
    // Who had been granted a lease still has it, before any server is back.
    for (size_t i = 0; i < kClients; ++i) {
      EXPECT_TRUE(!known[i].granted || known[i].releasing || lab.Has(known[i].lease)) << i;
    }
    lab.Register();
    lab.Ask();
    lab.Finish();
    for (size_t i = 0; i < kClients; ++i) EXPECT_TRUE(known[i].granted && known[i].ended) << "client " << i;
    ::munmap(known, sizeof(Known) * kClients);
  }
  EXPECT_GT(write, 12) << "the scenario does not write much";
}

INSTANTIATE_TEST_SUITE_P(When, CrashTest, testing::Values(DeadlyStore::When::kBefore, DeadlyStore::When::kAfter),
                         [](const auto& test) {
                           return test.param == DeadlyStore::When::kBefore ? "Before" : "After";
                         });

}  // namespace
}  // namespace probegate::broker
