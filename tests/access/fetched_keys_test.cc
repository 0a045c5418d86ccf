#include "access/fetched_keys.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "access/key_cache.h"
#include "base/mutex.h"
#include "tests/access/folder.h"
#include "tests/access/signing_key.h"
#include "tests/base/bounded_wait.h"

namespace probegate {
namespace {

using testing::HasSubstr;

constexpr char kUrl[] = "https://issuer.example/keys";

// An issuer, and the clock. Shared with the thread of FetchedKeys, which may outlive the test.
class World {
 public:
  absl::StatusOr<std::string> Fetch() {
    MutexLock lock(mutex_);
    ++fetches_;
    while (held_) wake_.Wait(mutex_);
    return answer_;
  }
  void Answer(absl::StatusOr<std::string> answer) {
    MutexLock lock(mutex_);
    answer_ = std::move(answer);
  }
  void Hold(bool held) {
    MutexLock lock(mutex_);
    held_ = held;
    wake_.NotifyAll();
  }
  void Advance(absl::Duration by) {
    MutexLock lock(mutex_);
    now_ += by;
  }
  absl::Time now() {
    MutexLock lock(mutex_);
    return now_;
  }
  int fetches() {
    MutexLock lock(mutex_);
    return fetches_;
  }
  void Fail(const absl::Status& status) {
    MutexLock lock(mutex_);
    failures_.emplace_back(status.message());
  }
  std::vector<std::string> failures() {
    MutexLock lock(mutex_);
    return failures_;
  }

 private:
  Mutex mutex_;
  CondVar wake_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  int fetches_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::FromUnixSeconds(1'800'000'000);
  absl::StatusOr<std::string> answer_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> failures_ ABSL_GUARDED_BY(mutex_);
};

class FetchedKeysTest : public testing::Test {
 protected:
  FetchedKeysTest() : world(std::make_shared<World>()) { world->Answer(SetWith("1")); }
  ~FetchedKeysTest() override { world->Hold(false); }

  static std::string SetWith(const std::string& kid) { return SigningKey(SigningKey::Type::kP256, kid).Jwks(); }

  std::unique_ptr<FetchedKeys> Open() {
    return std::make_unique<FetchedKeys>(
        IssuerSettings{.issuer = "https://issuer.example", .audiences = {"x"}, .jwks = kUrl},
        FetchedKeys::Environment{.fetch = [w = world](const auto&, const auto&) { return w->Fetch(); },
                                 .clock = [w = world] { return w->now(); },
                                 .cache_folder = folder.path(),
                                 .failed = [w = world](const absl::Status& status) { w->Fail(status); }});
  }
  static void AwaitKey(FetchedKeys& keys, const std::string& kid) {
    AwaitTrue([&] { return keys.Get(kid).ok(); }, "the key");
  }
  // Until everything that was asked for has been fetched.
  static absl::Status Final(FetchedKeys& keys, const std::string& kid) {
    absl::Status status;
    AwaitTrue(
        [&] {
          status = keys.Get(kid).status();
          return std::string(status.message()).find("being fetched") == std::string::npos;
        },
        "an answer other than: being fetched");
    return status;
  }

  const std::shared_ptr<World> world;
  const Folder folder;
};

TEST_F(FetchedKeysTest, AreFetchedAtTheStart) {
  world->Hold(true);
  const auto keys = Open();
  AwaitTrue([&] { return world->fetches() == 1; }, "the fetch");
  const absl::Status status = keys->Get("1").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("being fetched; try again"));
  world->Hold(false);
  AwaitKey(*keys, "1");
  EXPECT_TRUE(keys->Get("").ok());
  EXPECT_EQ(world->fetches(), 1);
}

TEST_F(FetchedKeysTest, AreFetchedForAnUnknownKeyOncePerMinute) {
  const auto keys = Open();
  AwaitKey(*keys, "1");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(keys->Get("2").status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(world->fetches(), 1);
  world->Answer(SetWith("2"));
  world->Advance(absl::Minutes(1));
  EXPECT_EQ(keys->Get("2").status().code(), absl::StatusCode::kUnavailable);
  AwaitKey(*keys, "2");
  EXPECT_EQ(Final(*keys, "1").code(), absl::StatusCode::kUnauthenticated);  // the old key
  EXPECT_EQ(world->fetches(), 2);
}

TEST_F(FetchedKeysTest, AreFetchedAgainEachHour) {
  const auto keys = Open();
  AwaitKey(*keys, "1");
  world->Answer(SetWith("2"));
  world->Advance(FetchedKeys::kRefreshAfter);
  EXPECT_TRUE(keys->Get("1").ok());  // meanwhile
  AwaitTrue([&] { return !keys->Get("1").ok(); }, "the end of the old key");
  EXPECT_TRUE(keys->Get("2").ok());
}

TEST_F(FetchedKeysTest, AreUsedForADayIfTheIssuerCannotBeReached) {
  const auto keys = Open();
  AwaitKey(*keys, "1");
  world->Answer(absl::UnavailableError("no route"));
  world->Advance(FetchedKeys::kUnusableAfter - absl::Seconds(1));
  EXPECT_TRUE(keys->Get("1").ok());
  AwaitTrue([&] { return !world->failures().empty(); }, "the failure");
  EXPECT_EQ(world->failures().front(), "cannot get the keys of https://issuer.example: no route");
  world->Advance(absl::Seconds(1));
  const absl::Status status = Final(*keys, "1");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no route; try again in a minute"));
}

TEST_F(FetchedKeysTest, AreKeptIfTheIssuerSendsNonsense) {
  const auto keys = Open();
  AwaitKey(*keys, "1");
  world->Answer("<html>");
  world->Advance(FetchedKeys::kRefreshAfter);
  EXPECT_TRUE(keys->Get("1").ok());
  AwaitTrue([&] { return !world->failures().empty(); }, "the failure");
  EXPECT_TRUE(keys->Get("1").ok());
}

TEST_F(FetchedKeysTest, AreKeptOnDisk) {
  AwaitKey(*Open(), "1");
  AwaitTrue([&] { return KeyCache(folder.path(), kUrl).Load().has_value(); }, "the copy on disk");
  world->Answer(absl::UnavailableError("no route"));
  const auto keys = Open();
  EXPECT_TRUE(keys->Get("1").ok());
}

TEST_F(FetchedKeysTest, AreNotTakenFromAnOldCopy) {
  ASSERT_TRUE(
      KeyCache(folder.path(), kUrl).Store({.fetched = world->now() - absl::Hours(24), .jwks = SetWith("1")}).ok());
  world->Answer(absl::UnavailableError("no route"));
  const auto keys = Open();
  EXPECT_EQ(Final(*keys, "1").code(), absl::StatusCode::kUnavailable);
}

TEST_F(FetchedKeysTest, MayEndDuringAFetch) {
  world->Hold(true);
  Open();
}

TEST(KeyCache, IsForOneUrl) {
  const Folder folder;
  const KeyCache cache(folder.path(), "https://a");
  ASSERT_TRUE(cache.Store({.fetched = absl::FromUnixSeconds(7), .jwks = "{\n}"}).ok());
  ASSERT_TRUE(cache.Load());
  EXPECT_EQ(cache.Load()->fetched, absl::FromUnixSeconds(7));
  EXPECT_EQ(cache.Load()->jwks, "{\n}");
  EXPECT_FALSE(KeyCache(folder.path(), "https://b").Load());
  EXPECT_FALSE(KeyCache("", "https://a").Load());
}

TEST(KeyCache, SaysIfItCannotBeWritten) {
  EXPECT_FALSE(KeyCache("/nonexistent", "https://a").Store({}).ok());
  EXPECT_TRUE(KeyCache("", "https://a").Store({}).ok());
}

}  // namespace
}  // namespace probegate
