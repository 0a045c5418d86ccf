#include "debug/plan.h"

#include <set>

#include "gtest/gtest.h"
#include "tests/debug/temporary_folder.h"

namespace probegate {
namespace {

// What `gdb` may read, in addition to what every gdb may read.
std::set<std::string> MayRead(const std::string& gdb) {
  const auto read = [](const std::string& program) {
    DebugPlan plan;
    plan.recipe.gdb = program;
    const ProcessCommand command = GdbCommand({}, plan, "/work", 1);
    std::set<std::string> paths;
    for (size_t i = 1; i < command.words.size(); ++i) {
      if (command.words[i - 1] == "--read") paths.insert(command.words[i]);
    }
    return paths;
  };
  std::set<std::string> more = read(gdb);
  for (const std::string& path : read("/usr")) more.erase(path);
  return more;
}

using Paths = std::set<std::string>;

TEST(PlanTest, AProgramsInstallationIsTheFolderAboveItsOwn) {
  const TemporaryFolder folder;
  folder.Script("venv/bin/gdb", "");
  std::filesystem::create_symlink("/bin/sh", folder.path / "venv/bin/python");
  std::filesystem::create_directory_symlink(folder.path / "venv", folder.path / "current");
  EXPECT_EQ(MayRead(folder.path / "venv/bin/gdb"), Paths{folder.path / "venv"});
  EXPECT_EQ(MayRead(folder.path / "venv/bin/python"), Paths{folder.path / "venv"});
  EXPECT_EQ(MayRead(folder.path / "current/bin/gdb"), Paths{folder.path / "venv"});
}

TEST(PlanTest, ForAProgramInASystemFolderOnlyTheProgramIsAdded) {
  for (const char* program :
       {"/bin/sh", "/usr/bin/sh", "/usr/bin/../../bin/sh", "/sh", "/tmp/sh", "/no/such/program"}) {
    EXPECT_EQ(MayRead(program), Paths{program});
  }
}

}  // namespace
}  // namespace probegate
