#include "access/watched_file.h"

#include <filesystem>
#include <string>

#include "gtest/gtest.h"

#include "tests/access/folder.h"

namespace probegate {
namespace {

constexpr size_t kMost = 100;

TEST(WatchedFile, NoticesAChangeWhenItHasSettled) {
  const Folder folder;
  WatchedFile file(folder.Write("a", "1"), kMost);
  EXPECT_EQ(*file.text(), "1");
  EXPECT_FALSE(file.Check());
  folder.Write("a", "2");
  EXPECT_FALSE(file.Check());
  folder.Write("a", "3");
  EXPECT_FALSE(file.Check());
  EXPECT_EQ(*file.text(), "1");
  EXPECT_TRUE(file.Check());
  EXPECT_EQ(*file.text(), "3");
  EXPECT_FALSE(file.Check());
}

TEST(WatchedFile, DoesNotNoticeAChangeThatIsTakenBack) {
  const Folder folder;
  WatchedFile file(folder.Write("a", "1"), kMost);
  folder.Write("a", "2");
  EXPECT_FALSE(file.Check());
  folder.Write("a", "1");
  EXPECT_FALSE(file.Check());
  EXPECT_FALSE(file.Check());
}

// As Kubernetes mounts a ConfigMap: file -> ..data/file, and ..data -> a folder, which is exchanged.
TEST(WatchedFile, FollowsASymbolicLinkThatIsExchanged) {
  namespace fs = std::filesystem;
  const Folder folder;
  for (const char* const version : {"v1", "v2"}) {
    fs::create_directory(folder.path() + "/" + version);
    folder.Write(std::string(version) + "/a", version);
  }
  fs::create_directory_symlink("v1", folder.path() + "/..data");
  fs::create_symlink("..data/a", folder.path() + "/a");
  WatchedFile file(folder.path() + "/a", kMost);
  EXPECT_EQ(*file.text(), "v1");
  fs::create_directory_symlink("v2", folder.path() + "/..new");
  fs::rename(folder.path() + "/..new", folder.path() + "/..data");
  EXPECT_FALSE(file.Check());
  EXPECT_TRUE(file.Check());
  EXPECT_EQ(*file.text(), "v2");
}

TEST(WatchedFile, SaysWhyItCannotBeRead) {
  const Folder folder;
  WatchedFile file(folder.Write("a", "1"), kMost);
  std::filesystem::remove(file.path());
  EXPECT_FALSE(file.Check());
  EXPECT_TRUE(file.Check());
  EXPECT_EQ(file.text().status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(file.Check());
  folder.Write("a", std::string(kMost + 1, 'x'));
  EXPECT_FALSE(file.Check());
  EXPECT_TRUE(file.Check());
  EXPECT_EQ(file.text().status().code(), absl::StatusCode::kInvalidArgument);
  folder.Write("a", std::string(kMost, 'x'));
  EXPECT_FALSE(file.Check());
  EXPECT_TRUE(file.Check());
  EXPECT_TRUE(file.text().ok());
}

TEST(WatchedFile, MustBeARegularFile) {
  const Folder folder;
  EXPECT_FALSE(WatchedFile(folder.path(), kMost).text().ok());
  EXPECT_FALSE(WatchedFile("/dev/zero", kMost).text().ok());
}

}  // namespace
}  // namespace probegate
