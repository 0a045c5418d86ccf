#include "base/secret_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

class SecretFileTest : public testing::Test {
 protected:
  void SetUp() override { std::ofstream(path_) << "secret"; }
  void TearDown() override { ::unlink(path_.c_str()); }

  // What reading the file says when it has this mode; "" if it can be read.
  std::string WithMode(mode_t mode) {
    ::chmod(path_.c_str(), mode);
    const auto text = ReadSecretFile("--token-file", path_, 100);
    if (text.ok()) {
      EXPECT_EQ(*text, "secret");
    }
    return std::string(text.status().message());
  }

  const std::string path_ = testing::TempDir() + "secret-" + std::to_string(::getpid());
};

TEST_F(SecretFileTest, MayBeReadByItsOwner) {
  EXPECT_EQ(WithMode(0600), "");
  EXPECT_EQ(WithMode(0400), "");
  EXPECT_EQ(WithMode(0700), "");
}

TEST_F(SecretFileTest, IsRefusedIfOthersHaveAccess) {
  const bool is_root = ::geteuid() == 0;
  EXPECT_THAT(WithMode(0644), HasSubstr("--token-file " + path_ + ": "));
  EXPECT_THAT(WithMode(0644),
              EndsWith((is_root ? "(mode 0644); run: chmod 640 " : "(mode 0644); run: chmod 600 ") + path_));
  EXPECT_THAT(WithMode(0604), EndsWith("(mode 0604); run: chmod 600 " + path_));
  EXPECT_THAT(WithMode(0620), EndsWith("(mode 0620); run: chmod 600 " + path_));
}

TEST_F(SecretFileTest, OfRootMayBeReadByItsGroup) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to have files of several users";
  EXPECT_EQ(WithMode(0640), "");
  ASSERT_EQ(::chown(path_.c_str(), 12345, 12345), 0);
  EXPECT_THAT(WithMode(0640), EndsWith("run: chmod 600 " + path_));
}

TEST_F(SecretFileTest, IsARegularFileThatIsNotTooLong) {
  EXPECT_THAT(ReadSecretFile("--tls-key", "/tmp", 100).status().ToString(),
              HasSubstr("/tmp: cannot be read: not a regular"));
  EXPECT_THAT(ReadSecretFile("--tls-key", "/no/such", 100).status().ToString(),
              HasSubstr("cannot be read: No such file"));
  ::chmod(path_.c_str(), 0600);
  EXPECT_THAT(ReadSecretFile("--tls-key", path_, 5).status().ToString(), HasSubstr("it has more than 5 bytes"));
}

}  // namespace
}  // namespace probegate
