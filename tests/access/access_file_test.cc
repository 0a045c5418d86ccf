#include "access/access_file.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "access/digest.h"
#include "base/mutex.h"
#include "tests/access/folder.h"
#include "tests/access/signing_key.h"
#include "tests/base/bounded_wait.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kNobody[] = "rules: []\n";
constexpr char kAlice[] = "rules: [{who: {local: alice}, may: view}]\n";
const Identity kAliceIdentity{.proof = Proof::kLocal, .name = "alice"};

// What an AccessFile has said. Its own thread calls, too.
class Told {
 public:
  AccessFile::Callbacks Callbacks() {
    return {.changed =
                [this](const auto& snapshot) {
                  MutexLock lock(mutex_);
                  versions_.push_back(snapshot->policy->version());
                },
            .invalid =
                [this](const absl::Status& status) {
                  MutexLock lock(mutex_);
                  errors_.emplace_back(status.message());
                },
            .keys_failed = {}};
  }
  std::vector<std::string> versions() {
    MutexLock lock(mutex_);
    return versions_;
  }
  std::vector<std::string> errors() {
    MutexLock lock(mutex_);
    return errors_;
  }

 private:
  Mutex mutex_;
  std::vector<std::string> versions_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> errors_ ABSL_GUARDED_BY(mutex_);
};

// Whatever changed is taken after the second look.
void Settle(AccessFile& file) {
  file.Check();
  file.Check();
}

bool MayAliceView(const AccessFile& file) {
  return file.current()->policy->Decide(kAliceIdentity, Right::kView).allowed;
}

TEST(AccessFile, AllowsEverythingWithoutFiles) {
  const auto file = AccessFile::Open({}, {});
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(MayAliceView(**file));
  EXPECT_EQ((*file)->current()->tokens->size(), 0);
}

TEST(AccessFile, IsLoadedAgainWhenItChanges) {
  const Folder folder;
  Told told;
  const auto file = AccessFile::Open({.access = folder.Write("access.yaml", kNobody)}, told.Callbacks());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_FALSE(MayAliceView(**file));
  const auto before = (*file)->current();
  folder.Write("access.yaml", kAlice);
  Settle(**file);
  EXPECT_TRUE(MayAliceView(**file));
  EXPECT_FALSE(before->policy->Decide(kAliceIdentity, Right::kView).allowed);
  EXPECT_THAT(told.versions(), ElementsAre(ShortDigest(kAlice)));
  EXPECT_THAT(told.errors(), IsEmpty());
}

TEST(AccessFile, IsLoadedAgainByItself) {
  const Folder folder;
  const auto file = AccessFile::Open({.access = folder.Write("access.yaml", kNobody)}, {});
  ASSERT_TRUE(file.ok()) << file.status();
  folder.Write("access.yaml", kAlice);
  AwaitTrue([&] { return MayAliceView(**file); }, "the change of the access file");
}

TEST(AccessFile, StaysAsItWasIfTheNewOneIsInvalid) {
  const Folder folder;
  Told told;
  const auto file = AccessFile::Open({.access = folder.Write("access.yaml", kAlice)}, told.Callbacks());
  ASSERT_TRUE(file.ok()) << file.status();
  folder.Write("access.yaml", "rules: [{}]\n");
  Settle(**file);
  Settle(**file);
  EXPECT_TRUE(MayAliceView(**file));
  EXPECT_THAT(told.errors(), ElementsAre(HasSubstr("access.yaml:1: a rule must have the key who")));
  EXPECT_FALSE((*file)->status().ok());
  std::filesystem::remove(folder.path() + "/access.yaml");
  Settle(**file);
  EXPECT_TRUE(MayAliceView(**file));
  EXPECT_THAT(told.errors().back(), HasSubstr("access.yaml: No such file"));
  folder.Write("access.yaml", kAlice);
  Settle(**file);
  EXPECT_TRUE((*file)->status().ok());
  EXPECT_THAT(told.versions(), ElementsAre(ShortDigest(kAlice)));
}

TEST(AccessFile, IsLoadedAgainWhenTheTokensChange) {
  const Folder folder;
  Told told;
  const AccessFile::Paths paths{.access = folder.Write("access.yaml", kAlice),
                                .tokens = folder.Write("tokens", "a " + Sha256Hex("first"))};
  const auto file = AccessFile::Open(paths, told.Callbacks());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_NE((*file)->current()->tokens->Find("first"), nullptr);
  folder.Write("tokens", "b " + Sha256Hex("second"));
  Settle(**file);
  EXPECT_EQ((*file)->current()->tokens->Find("first"), nullptr);
  EXPECT_NE((*file)->current()->tokens->Find("second"), nullptr);
  folder.Write("tokens", "b");
  folder.Write("access.yaml", kNobody);
  Settle(**file);
  EXPECT_NE((*file)->current()->tokens->Find("second"), nullptr);
  EXPECT_TRUE(MayAliceView(**file));
  EXPECT_THAT(told.errors(), ElementsAre(HasSubstr("tokens:1: ")));
}

TEST(AccessFile, IsLoadedAgainWhenAFileOfKeysChanges) {
  const Folder folder;
  const SigningKey first(SigningKey::Type::kP256, "1");
  const SigningKey second(SigningKey::Type::kP256, "2");
  const std::string keys = folder.Write("keys.json", first.Jwks());
  const std::string text = "issuers: [{issuer: \"https://a\", audience: x, jwks: " + keys + "}]\nrules: []\n";
  Told told;
  const auto file = AccessFile::Open({.access = folder.Write("access.yaml", text)}, told.Callbacks());
  ASSERT_TRUE(file.ok()) << file.status();
  const nlohmann::json claims = {{"iss", "https://a"}, {"sub", "s"}, {"aud", "x"}, {"exp", 1'800'000'000}};
  const auto is_valid = [&](const SigningKey& key) {
    return (*file)->current()->jwts->Verify(key.Token(claims), absl::FromUnixSeconds(1'799'999'999)).ok();
  };
  EXPECT_TRUE(is_valid(first));
  EXPECT_FALSE(is_valid(second));
  folder.Write("keys.json", second.Jwks());
  Settle(**file);
  EXPECT_FALSE(is_valid(first));
  EXPECT_TRUE(is_valid(second));
  folder.Write("keys.json", "{}");
  Settle(**file);
  EXPECT_TRUE(is_valid(second));
  EXPECT_THAT(told.errors(), ElementsAre(HasSubstr("keys.json: not a JWK Set")));
}

TEST(AccessFile, FetchesKeysOnceForAnIssuerThatStays) {
  const Folder folder;
  const SigningKey key(SigningKey::Type::kP256, "1");
  const auto fetches = std::make_shared<std::atomic<int>>(0);
  const AccessFile::Environment environment{.fetch =
                                                [fetches, jwks = key.Jwks()](const IssuerSettings&, const auto&) {
                                                  ++*fetches;
                                                  return jwks;
                                                },
                                            .clock = [] { return absl::FromUnixSeconds(1'799'999'999); }};
  const std::string text = "issuers: [{issuer: \"https://a\", audience: x, jwks: \"https://a/k\"}]\nrules: []\n";
  const auto file = AccessFile::Open({.access = folder.Write("access.yaml", text)}, {}, environment);
  ASSERT_TRUE(file.ok()) << file.status();
  const std::string token = key.Token({{"iss", "https://a"}, {"sub", "s"}, {"aud", "x"}, {"exp", 1'800'000'000}});
  const auto verify = [&] { return (*file)->current()->jwts->Verify(token, environment.clock()).status(); };
  AwaitTrue([&] { return verify().ok(); }, "the keys of the issuer");
  folder.Write("access.yaml", text + "# changed\n");
  Settle(**file);
  EXPECT_TRUE(verify().ok());
  EXPECT_EQ(*fetches, 1);
}

TEST(AccessFile, MustBeValidAtTheStart) {
  const Folder folder;
  EXPECT_EQ(AccessFile::Open({.access = folder.path() + "/none"}, {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(AccessFile::Open({.access = folder.Write("a", "rules: 7")}, {}).ok());
  EXPECT_FALSE(AccessFile::Open({.tokens = folder.Write("t", "x")}, {}).ok());
}

}  // namespace
}  // namespace probegate
