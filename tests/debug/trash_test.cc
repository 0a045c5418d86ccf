#include "debug/trash.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_descriptor.h"
#include "debug/work_folder.h"
#include "gtest/gtest.h"
#include "tests/base/bounded_wait.h"
#include "tests/debug/temporary_folder.h"

namespace probegate {
namespace {

namespace fs = std::filesystem;

class TrashTest : public testing::Test {
 protected:
  size_t left() const { return static_cast<size_t>(std::distance(fs::directory_iterator(folder.path / "trash"), {})); }

  TemporaryFolder folder;
  Log log{LogFormat::kText, LogLevel::kError};
  std::unique_ptr<Trash> trash = *Trash::Make(folder.path / "trash", log);
};

// Deeper than a path may be long, and than a program may have files open.
void MakeDeepTree(const fs::path& top, int depth) {
  fs::create_directory(top);
  int at = ::open(top.c_str(), O_RDONLY | O_DIRECTORY);
  const std::string name(200, 'd');
  for (int i = 0; i < depth; ++i) {
    ASSERT_EQ(::mkdirat(at, name.c_str(), 0700), 0);
    const int next = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY);
    ASSERT_GE(next, 0);
    ::close(at);
    at = next;
  }
  ::close(at);
}

TEST_F(TrashTest, RemovesATreeThatIsDeeperThanAPathIsLong) {
  MakeDeepTree(folder.path / "tree", 2000);
  trash->Put(folder.path / "tree", kWaitBound);
  EXPECT_FALSE(fs::exists(folder.path / "tree"));
  EXPECT_EQ(left(), 0U);
  EXPECT_EQ(trash->size(), 0U);
}

TEST_F(TrashTest, RemovesWhatHasNoAccessRights) {
  folder.Write("tree/a/b/c", "x");
  folder.Write("tree/a/d", "x");
  for (const char* path : {"tree/a/b", "tree/a", "tree"}) fs::permissions(folder.path / path, fs::perms::none);
  trash->Put(folder.path / "tree", kWaitBound);
  EXPECT_EQ(left(), 0U);
  EXPECT_EQ(trash->size(), 0U);
}

TEST_F(TrashTest, RemovesLinksButNotWhatTheyLeadTo) {
  folder.Write("precious/file", "x");
  folder.Write("tree/file", "x");
  fs::create_directory_symlink(folder.path / "precious", folder.path / "tree/folder");
  fs::create_symlink(folder.path / "precious/file", folder.path / "tree/link");
  trash->Put(folder.path / "tree", kWaitBound);
  EXPECT_EQ(left(), 0U);
  EXPECT_TRUE(fs::exists(folder.path / "precious/file"));
}

TEST_F(TrashTest, WhatTakesLongerIsRemovedLaterAndKeepsItsPlace) {
  for (int i = 0; i < 500; ++i) folder.Write("tree/" + std::to_string(i) + "/file", "x");
  const auto place = std::make_shared<int>();
  trash->Put(folder.path / "tree", std::chrono::milliseconds(0), place);
  EXPECT_FALSE(fs::exists(folder.path / "tree"));
  AwaitTrue([&] { return place.use_count() == 1; }, "the place is given back");
  EXPECT_EQ(left(), 0U);
  AwaitTrue([&] { return trash->size() == 0; }, "the tree does not count any more");
}

TEST_F(TrashTest, WhatCannotBeMovedCountsAndIsNoError) {
  trash->Put(folder.path / "absent", kWaitBound);
  EXPECT_EQ(trash->size(), 1U);
}

TEST_F(TrashTest, TheWorkFolderRemovesThoseOfProgramsThatWereKilled) {
  const fs::path parent = folder.path / "work";
  folder.Write("work/probegate-debugd-killed/session-1/file", "x");
  folder.Write("work/probegate-debugd-runs/file", "x");
  folder.Write("work/other/file", "x");
  const FileDescriptor runs(::open((parent / "probegate-debugd-runs").c_str(), O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(::flock(runs.number(), LOCK_EX), 0);
  {
    const auto work = WorkFolder::Make(parent, log);
    ASSERT_TRUE(work.ok()) << work.status();
    EXPECT_FALSE(fs::exists(parent / "probegate-debugd-killed"));
    EXPECT_TRUE(fs::exists(parent / "probegate-debugd-runs/file"));
    EXPECT_TRUE(fs::exists(parent / "other/file"));
    // It does not take its own, or that of another that runs now.
    const auto second = WorkFolder::Make(parent, log);
    ASSERT_TRUE(second.ok()) << second.status();
    EXPECT_TRUE(fs::exists((*work)->uploads()));
    const auto session = (*work)->MakeSessionFolder();
    ASSERT_TRUE(session.ok());
    (*work)->RemoveSessionFolder(*session, nullptr);
    EXPECT_FALSE(fs::exists(*session));
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(parent), {}), 2);
}

TEST_F(TrashTest, AWorkFolderThatCannotBeMadeIsAnError) {
  EXPECT_EQ(WorkFolder::Make("/absent", log).status().message(),
            "cannot create a folder in /absent: No such file or directory (--work-dir)");
}

}  // namespace
}  // namespace probegate
