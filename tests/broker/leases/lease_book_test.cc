#include "broker/leases/lease_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/leases/lease_checks.h"

namespace probegate::broker {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Client final : LeaseClient {
  void Tell(const v1::AcquireResponse& response) override {
    heard.push_back(response);
    if (!response.secret().empty()) secret = response.secret();
  }
  void End(const absl::Status& status) override { end = status; }

  const v1::AcquireResponse& last() const { return heard.back(); }

  std::vector<v1::AcquireResponse> heard;
  std::string secret;
  std::optional<absl::Status> end;
};

struct Server final : ServerLink {
  void Tell(const v1::RegisterResponse& response) override { heard.push_back(response); }
  void End(const absl::Status& status) override { end = status; }
  std::vector<v1::RegisterResponse> heard;
  std::optional<absl::Status> end;
};

struct Observer final : LeaseObserver {
  void OnQueued(const LeaseEvent&) override { ++queued; }
  void OnGranted(const LeaseEvent& event) override { granted.push_back(event); }
  void OnEnded(const LeaseEvent& event) override { ended.push_back(event); }
  void OnServer(const std::string&, size_t, bool) override {}
  void OnMaintenance(const Requester&, const std::string&, const std::string&) override {}
  int queued = 0;
  std::vector<LeaseEvent> granted;
  std::vector<LeaseEvent> ended;
};

Requester User(const std::string& name) {
  return {.identity = {.proof = Proof::kToken, .name = name}, .key = "token:" + name, .owner = "token:" + name};
}

class LeaseBookTest : public testing::Test {
 protected:
  LeaseBookTest() { Start(); }

  // A broker that has what the store has.
  void Start() {
    book_ = nullptr;
    book_ = std::make_unique<LeaseBook>(LeaseBook::Settings{.rules = {},
                                                            .pools = Pools({{"x", {.labels = {{"board", "x"}}}}}),
                                                            .wall_clock = [this] { return wall_ms_; }},
                                        quota_, observer_);
    ASSERT_TRUE(book_->Restore(leases_, probes_, now_).ok());
    Settle();
  }

  void Settle() {
    const Outbox outbox = book_->Settle(now_);
    for (const Change& change : outbox.changes) {
      Records& records = change.kind == RecordKind::kLease ? leases_ : probes_;
      if (change.record) {
        records[change.key] = *change.record;
      } else {
        records.erase(change.key);
      }
    }
    for (const auto& effect : outbox.effects) effect();
  }

  void Pass(milliseconds time) {
    now_ += time;
    wall_ms_ += time.count();
    Settle();
  }

  std::shared_ptr<Server> AddServer(const std::vector<std::string>& uids, const std::string& host = "lab") {
    v1::Hello hello;
    hello.set_host(host);
    for (const std::string& uid : uids) {
      v1::ProbeReport& probe = *hello.add_probes();
      probe.set_uid(uid);
      (*probe.mutable_labels())["board"] = "x";
      probe.set_present(true);
    }
    auto server = std::make_shared<Server>();
    book_->Register(server, hello, now_);
    Settle();
    return server;
  }

  std::shared_ptr<Client> Ask(const std::string& user = "alice", const v1::LeaseRequest& more = {}) {
    v1::LeaseRequest request = more;
    if (request.selectors().empty()) (*request.add_selectors()->mutable_labels())["board"] = "x";
    auto client = std::make_shared<Client>();
    book_->Acquire(client, User(user), request, now_);
    Settle();
    return client;
  }

  void Confirm(const std::shared_ptr<Server>& server, const std::string& lease) {
    v1::RegisterRequest request;
    request.mutable_confirmed()->set_lease(lease);
    book_->Hear(server.get(), request, now_);
    Settle();
  }

  // The lease that the server has just been asked to confirm.
  static std::string Offered(const Server& server) { return server.heard.back().grant().lease(); }

  std::shared_ptr<Client> Granted(const std::shared_ptr<Server>& server, const v1::LeaseRequest& more = {}) {
    auto client = Ask("alice", more);
    Confirm(server, Offered(*server));
    EXPECT_TRUE(client->last().has_granted());
    return client;
  }

  absl::StatusOr<v1::Lease> Renew(const Client& client, milliseconds duration) {
    v1::RenewRequest request;
    request.set_lease(client.last().lease());
    request.set_secret(client.secret);
    *request.mutable_duration() = ToMessage(duration);
    auto renewed = book_->Renew(User("alice"), request, now_);
    Settle();
    return renewed;
  }

  void Use(const std::shared_ptr<Server>& server, const std::string& lease, milliseconds idle) {
    v1::RegisterRequest request;
    v1::Activity::Lease& used = *request.mutable_activity()->add_leases();
    used.set_lease(lease);
    *used.mutable_idle() = ToMessage(idle);
    book_->Hear(server.get(), request, now_);
    Settle();
  }

  LeaseBook::Time now_{hours(1)};
  int64_t wall_ms_ = 1'800'000'000'000;
  Records leases_;
  Records probes_;
  Quota quota_{"leases", {.all = 100, .per_client = 50}};
  Observer observer_;
  std::unique_ptr<LeaseBook> book_;
};

TEST_F(LeaseBookTest, ALeaseLastsForItsDurationFromTheGrantOn) {
  const auto server = AddServer({"A"});
  const auto client = Ask();
  Pass(seconds(20));
  Confirm(server, Offered(*server));
  Pass(minutes(28) - milliseconds(1));
  EXPECT_TRUE(client->last().has_granted());
  Pass(milliseconds(1));
  ASSERT_TRUE(client->last().has_expiring());
  EXPECT_EQ(client->last().expiring().in().seconds(), 120);
  Pass(minutes(2));
  EXPECT_EQ(client->last().ended().reason(), v1::END_REASON_EXPIRED);
  EXPECT_EQ(client->end, absl::OkStatus());
  EXPECT_EQ(server->heard.back().end().lease(), client->last().lease());
  EXPECT_THAT(leases_, IsEmpty());
  ASSERT_THAT(observer_.granted, SizeIs(1));
  EXPECT_EQ(observer_.granted[0].waited, seconds(20));
  EXPECT_EQ(observer_.granted[0].pool, "x");
}

TEST_F(LeaseBookTest, RenewalsEndWithTheLongestDuration) {
  const auto server = AddServer({"A"});
  const auto client = Granted(server);
  for (int i = 0; i < 8; ++i) {
    Pass(minutes(29));
    EXPECT_TRUE(Renew(*client, minutes(30)).ok());
  }
  EXPECT_EQ(client->last().granted().remaining().seconds(), (240 - 8 * 29) * 60);
  Pass(minutes(8) - milliseconds(500));
  EXPECT_EQ(Renew(*client, minutes(1)).status().code(), absl::StatusCode::kFailedPrecondition);
  Pass(milliseconds(500));
  EXPECT_EQ(client->last().ended().reason(), v1::END_REASON_EXPIRED);
}

TEST_F(LeaseBookTest, ARequestWaitsForItsQueueTimeOut) {
  AddServer({"A"});
  Ask();
  v1::LeaseRequest patient;
  *patient.mutable_queue_timeout() = ToMessage(minutes(5));
  const auto client = Ask("bob", patient);
  Pass(minutes(5) - milliseconds(1));
  EXPECT_TRUE(client->last().has_queued());
  Pass(milliseconds(1));
  EXPECT_EQ(client->last().ended().reason(), v1::END_REASON_QUEUE_TIMEOUT);
  EXPECT_THAT(client->last().ended().why(), HasSubstr("it has waited for 5m: of 1 probe with board=x"));
}

TEST_F(LeaseBookTest, AServerThatDoesNotConfirmIsGivenUp) {
  const auto server = AddServer({"A"});
  const auto client = Ask();
  Pass(seconds(30));
  ASSERT_TRUE(server->end);
  EXPECT_EQ(server->end->code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(client->last().queued().why(), HasSubstr("1 is away"));
  const auto again = AddServer({"A"});
  Confirm(again, Offered(*again));
  EXPECT_TRUE(client->last().has_granted());
}

TEST_F(LeaseBookTest, IdleBoardsAreTakenBackOnlyWhileOthersWait) {
  const auto server = AddServer({"A"});
  v1::LeaseRequest lasting;
  *lasting.mutable_duration() = ToMessage(hours(4));
  const auto holder = Granted(server, lasting);
  Pass(minutes(20));
  EXPECT_TRUE(holder->last().has_granted());
  const auto waiting = Ask("bob");
  Pass(seconds(1));
  ASSERT_TRUE(holder->last().has_expiring());
  EXPECT_TRUE(holder->last().expiring().idle());
  EXPECT_EQ(holder->last().expiring().in().seconds(), 120);
  // A command in time.
  Pass(seconds(119));
  Use(server, holder->last().lease(), seconds(3));
  EXPECT_TRUE(holder->last().has_granted());
  Pass(minutes(8) - seconds(3));
  EXPECT_TRUE(holder->last().has_expiring());
  Pass(minutes(2));
  EXPECT_EQ(holder->last().ended().reason(), v1::END_REASON_IDLE);
  EXPECT_EQ(holder->last().ended().why(), "no command came for 10m, and others wait");
  Confirm(server, Offered(*server));
  EXPECT_TRUE(waiting->last().has_granted());
}

TEST_F(LeaseBookTest, AnIdleLeaseIsKeptIfTheOthersGo) {
  const auto server = AddServer({"A"});
  v1::LeaseRequest lasting;
  *lasting.mutable_duration() = ToMessage(hours(4));
  const auto holder = Granted(server, lasting);
  const auto waiting = Ask("bob");
  Pass(minutes(8));
  EXPECT_TRUE(holder->last().has_expiring());
  book_->HangUp(waiting.get(), /*released=*/true, now_);
  Pass(minutes(2));
  EXPECT_TRUE(holder->last().has_granted());
}

// What its holder does there is not known.
TEST_F(LeaseBookTest, ALeaseOnAServerThatIsGoneIsNotIdle) {
  const auto server = AddServer({"A"});
  const auto holder = Granted(server);
  const auto waiting = Ask("bob");
  book_->Unregister(server.get(), now_);
  Pass(minutes(20));
  EXPECT_TRUE(holder->last().has_granted());
}

TEST_F(LeaseBookTest, ClientsAreToldOfTheirPlacesNotTooOften) {
  const auto server = AddServer({"A"});
  Granted(server);
  const auto first = Ask("bob");
  Pass(seconds(5));
  const auto second = Ask("carol");
  EXPECT_EQ(second->last().queued().position(), 2u);
  Pass(seconds(2));
  const size_t heard = second->heard.size();
  book_->HangUp(first.get(), /*released=*/true, now_);
  Settle();
  EXPECT_EQ(second->heard.size(), heard);
  Pass(seconds(2));
  EXPECT_EQ(second->last().queued().position(), 1u);
  EXPECT_EQ(observer_.queued, 2);
}

TEST_F(LeaseBookTest, AfterARestartLeasesGoOn) {
  const auto server = AddServer({"A"});
  const auto client = Granted(server);
  Pass(minutes(10));
  Start();
  const auto again = AddServer({"A"});
  ASSERT_THAT(again->heard.front().welcome().grants(), SizeIs(1));
  // Twenty minutes, and the half minute by which servers count longer.
  EXPECT_EQ(again->heard.front().welcome().grants(0).remaining().seconds(), 20 * 60 + 30);
  const auto back = std::make_shared<Client>();
  v1::ResumeRequest resume;
  resume.set_lease(client->last().lease());
  resume.set_secret(client->secret);
  book_->Resume(back, User("alice"), resume, now_);
  Pass(minutes(20) - seconds(1));
  EXPECT_FALSE(back->last().has_ended());
  Pass(seconds(1));
  EXPECT_EQ(back->last().ended().reason(), v1::END_REASON_EXPIRED);
}

TEST_F(LeaseBookTest, AClockThatJumpsBackMakesNoLeaseLonger) {
  Granted(AddServer({"A"}));
  wall_ms_ -= milliseconds(hours(24 * 365)).count();
  Start();
  const auto again = AddServer({"A"});
  EXPECT_EQ(again->heard.front().welcome().grants(0).remaining().seconds(), 30 * 60 + 30);
}

TEST_F(LeaseBookTest, AfterARestartEveryoneHasSomeTimeToComeBack) {
  Granted(AddServer({"A"}));
  Ask("bob");
  Start();
  Pass(seconds(29));
  EXPECT_THAT(leases_, SizeIs(2));
  Pass(seconds(1));
  EXPECT_THAT(leases_, IsEmpty());
  EXPECT_EQ(quota_.usage().taken, 0u);
}

TEST_F(LeaseBookTest, WhoHeIsSurvivesARestart) {
  Requester who = User("job");
  who.identity = {.proof = Proof::kIssuer, .name = "job", .issuer = "https://ci", .claims = {{"ref", {"a", "b"}}}};
  const Requester read = Requester::FromRecord(who.ToRecord());
  EXPECT_EQ(read.identity.Text(), who.identity.Text());
  EXPECT_THAT(read.identity.claims.at("ref"), ElementsAre("a", "b"));
  EXPECT_EQ(read.owner, who.owner);
  EXPECT_EQ(read.key, who.key);
}

TEST_F(LeaseBookTest, TheQuotaIsGivenBack) {
  AddServer({"A"});
  v1::LeaseRequest two;
  v1::Selector& selector = *two.add_selectors();
  (*selector.mutable_labels())["board"] = "x";
  selector.set_count(2);
  EXPECT_EQ(Ask("alice", two)->end->code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(quota_.usage().taken, 0u);
  for (int i = 0; i < 50; ++i) Ask();
  EXPECT_EQ(Ask()->end->code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(LeaseBookTest, AProbeThatMovesToAnotherServerKeepsItsLease) {
  const auto client = Granted(AddServer({"A"}));
  const auto other = AddServer({"A"}, "other");
  ASSERT_THAT(other->heard.front().welcome().grants(), SizeIs(1));
  EXPECT_EQ(other->heard.front().welcome().grants(0).lease(), client->last().lease());
}

TEST_F(LeaseBookTest, ARecordThatCannotBeReadIsAnError) {
  LeaseBook book({.rules = {}, .pools = {}, .wall_clock = [] { return int64_t{0}; }}, quota_, observer_);
  EXPECT_EQ(book.Restore({{"a", "\xFF\xFF"}}, {}, now_).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace probegate::broker
