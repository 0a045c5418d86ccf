// The files of TLS: what is wrong with them, and what happens when they are replaced. What is served with them is
// tested with real clients, in tests/interop/test_tls.py.
#include "base/grpc/server_tls.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/base/bounded_wait.h"
#include "tests/base/certificates.h"

namespace probegate {
namespace {

using testing::HasSubstr;

namespace fs = std::filesystem;

class ServerTlsTest : public testing::Test {
 protected:
  ServerTlsTest() {
    std::string name = "/tmp/server-tls-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    Write("tls.crt", now_.certificate);
    Write("tls.key", now_.key);
  }
  ~ServerTlsTest() override { fs::remove_all(folder_); }

  // Replaces a file at once.
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / "new") << text;
    fs::rename(folder_ / "new", folder_ / name);
  }
  ServerTlsFiles Files() const { return {.certificate = folder_ / "tls.crt", .key = folder_ / "tls.key"}; }
  std::string WhyNot(const ServerTlsFiles& files) const {
    const auto tls = ServerTls::Start(files, [](const absl::Status&) {});
    return tls.ok() ? "" : std::string(tls.status().message());
  }
  void Start() {
    auto tls = ServerTls::Start(Files(), [this](const absl::Status& status) {
      MutexLock lock(mutex_);
      changes_.emplace_back(status.message());
    });
    ASSERT_TRUE(tls.ok()) << tls.status();
    tls_ = *std::move(tls);
  }
  // The message about the change number `number`, from 0; empty if the files are in use.
  std::string Change(size_t number) {
    AwaitTrue([&] { return Changes().size() > number; }, "the change is noticed");
    return Changes()[number];
  }
  std::vector<std::string> Changes() {
    MutexLock lock(mutex_);
    return changes_;
  }

  const TestCertificate now_ = MakeCertificate("now", "DNS:localhost");
  const TestCertificate later_ = MakeCertificate("later", "DNS:localhost");
  fs::path folder_;
  Mutex mutex_;
  std::vector<std::string> changes_;
  std::unique_ptr<ServerTls> tls_;
};

TEST_F(ServerTlsTest, OneFileMayHaveBoth) {
  Write("both.pem", now_.key + now_.certificate);
  EXPECT_EQ(WhyNot({.certificate = folder_ / "both.pem", .key = folder_ / "both.pem"}), "");
}

TEST_F(ServerTlsTest, SaysWhichFileIsWrongAndWhy) {
  Write("tls.key", later_.key);
  EXPECT_THAT(WhyNot(Files()), HasSubstr("tls.key: this key does not belong to the certificate in --tls-cert "));
  Write("tls.key", now_.key);
  EXPECT_EQ(WhyNot(Files()), "");
  const TestCertificate expired = MakeCertificate("expired", "", nullptr, -7200, -3600);
  Write("tls.crt", expired.certificate);
  Write("tls.key", expired.key);
  EXPECT_THAT(WhyNot(Files()), HasSubstr("tls.crt: the certificate expired on "));
}

TEST_F(ServerTlsTest, KeepsWhatItHasUntilKeyAndCertificateBelongTogether) {
  Start();
  const auto before = tls_->current();
  Write("tls.key", later_.key);
  EXPECT_THAT(Change(0), HasSubstr("does not belong to the certificate"));
  EXPECT_EQ(tls_->current().version, before.version);
  EXPECT_EQ(tls_->current().credentials, before.credentials);
  Write("tls.crt", later_.certificate);
  EXPECT_EQ(Change(1), "");
  EXPECT_GT(tls_->current().version, before.version);
  EXPECT_NE(tls_->current().credentials, before.credentials);
}

TEST_F(ServerTlsTest, KnowsWhenTheFirstCertificateOfTheFileExpires) {
  const auto in_seconds = [](const ServerTls& tls) {
    return std::chrono::duration<double>(tls.current().expiry - std::chrono::system_clock::now()).count();
  };
  constexpr double kSlack = 60;  // for a loaded machine
  Start();
  EXPECT_NEAR(in_seconds(*tls_), 3600, kSlack);
  const TestCertificate next = MakeCertificate("next", "DNS:localhost", nullptr, -3600, 90'000);
  const TestCertificate intermediate = MakeCertificate("intermediate", "", nullptr, -3600, 80'000);
  Write("tls.key", next.key);
  EXPECT_THAT(Change(0), HasSubstr("does not belong to the certificate"));
  EXPECT_NEAR(in_seconds(*tls_), 3600, kSlack);
  Write("tls.crt", next.certificate + intermediate.certificate);
  EXPECT_EQ(Change(1), "");
  EXPECT_NEAR(in_seconds(*tls_), 80'000, kSlack);
}

TEST_F(ServerTlsTest, NoticesAFolderThatIsReplacedByASymbolicLink) {
  // As Kubernetes does with a Secret.
  for (const auto& [name, made] : {std::pair{"one", &now_}, std::pair{"two", &later_}}) {
    fs::create_directory(folder_ / name);
    std::ofstream(folder_ / name / "tls.crt") << made->certificate;
    std::ofstream(folder_ / name / "tls.key") << made->key;
  }
  fs::remove(folder_ / "tls.crt");
  fs::remove(folder_ / "tls.key");
  fs::create_directory_symlink("one", folder_ / "data");
  fs::create_symlink("data/tls.crt", folder_ / "tls.crt");
  fs::create_symlink("data/tls.key", folder_ / "tls.key");
  Start();
  const uint64_t before = tls_->current().version;
  fs::create_directory_symlink("two", folder_ / "data.new");
  fs::rename(folder_ / "data.new", folder_ / "data");
  EXPECT_EQ(Change(0), "");
  EXPECT_GT(tls_->current().version, before);
}

}  // namespace
}  // namespace probegate
