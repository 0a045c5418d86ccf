#include "debug/plan.h"

#include <memory>
#include <set>

#include "gmock/gmock.h"
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

// --- What clients ask for

class PlanConfigTest : public testing::Test {
 protected:
  PlanConfigTest() {
    folder.Write("elf/sketch/build/a.b.c/sketch.ino.elf",
                 "\x7f"
                 "ELF");
    std::filesystem::create_directory(folder.path / "uploads");
    uploads = std::make_unique<UploadStore>(folder.path / "uploads", 1000, 2);
    elf_files = std::make_unique<ElfFiles>(*ElfFiles::Make({folder.path / "elf"}));
    config.fqbn = "a:b:c:x=1,y=2";
    config.port = {{"port", "A1"}};
    config.sketch_path = "sketch";
  }

  DebugSources Sources() {
    return {.recipes = recipes, .elf_files = *elf_files, .uploads = *uploads, .list_probes = [] {
              ProbeList list;
              list.probes.emplace_back().status.mutable_description()->set_unique_id("A1");
              return absl::StatusOr<ProbeList>(list);
            }};
  }
  // Uploads a file from the host "h", and returns its name.
  std::string Upload() {
    const auto incoming = *uploads->Begin("h");
    EXPECT_TRUE(incoming
                    ->Append("\x7f"
                             "ELF")
                    .ok());
    return *incoming->Finish();
  }
  // Why there can be no session.
  std::string Error() { return std::string(MakePlan(config, "h", Sources()).status().message()); }

  TemporaryFolder folder;
  RecipeBook recipes =
      *RecipeBook::Read("f",
                        "recipes:\n"
                        "- {name: fast, boards: ['a:b:c:speed=fast'], server: [/bin/cat], gdb: /bin/cat}\n"
                        "- {name: any, boards: ['a:b:c'], server: [/bin/cat], gdb: /bin/cat}\n",
                        "");
  std::unique_ptr<ElfFiles> elf_files;
  std::unique_ptr<UploadStore> uploads;
  DebugConfig config;
};

TEST_F(PlanConfigTest, ABoardWithOptionsFindsItsRecipeAndItsBuildFolder) {
  for (const char* fqbn : {"a:b:c", "a:b:c:x=1", "a:b:c:x=1,y=2"}) {
    config.fqbn = fqbn;
    const auto plan = MakePlan(config, "h", Sources());
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->recipe.name, "any");
    EXPECT_EQ(plan->elf, folder.path / "elf/sketch/build/a.b.c/sketch.ino.elf");
    EXPECT_EQ(plan->probe, "A1");
  }
  config.fqbn = "a:b:c:speed=fast";
  EXPECT_EQ(MakePlan(config, "h", Sources())->recipe.name, "fast");
}

TEST_F(PlanConfigTest, EachErrorNamesItsField) {
  const DebugConfig good = config;
  ASSERT_EQ(Error(), "");
  config.fqbn = "a:b";
  EXPECT_THAT(Error(), testing::StartsWith("fqbn \"a:b\" has 2 parts"));
  config.fqbn = "a:b:d";
  EXPECT_THAT(Error(), testing::StartsWith("no recipe matches fqbn \"a:b:d\""));
  config = good;
  config.interpreter = "mi9";
  EXPECT_EQ(Error(), "interpreter \"mi9\" is unknown; use console, mi1, mi2 or mi3");
  config = good;
  config.port.clear();
  EXPECT_EQ(Error(), "port is empty; set it to the unique ID of the probe (see probegate list)");
  config.port = {{"port", "B1"}};
  EXPECT_EQ(Error(), "no probe matches port \"B1\"; the known probes are: A1");
  config = good;
  config.sketch_path = "absent";
  EXPECT_THAT(Error(), testing::StartsWith("sketch_path \"absent\": "));
  config.import_dir = "upload:1";
  EXPECT_THAT(Error(), testing::StartsWith("import_dir \"upload:1\": there is no such upload"));
  config.import_file = "upload:2";
  EXPECT_THAT(Error(), testing::StartsWith("import_file \"upload:2\": there is no such upload"));
}

TEST_F(PlanConfigTest, AnUploadIsNamedByTheFileOrTheFolder) {
  const std::string first = Upload(), second = Upload();
  config.import_file = first;
  config.import_dir = second;
  EXPECT_EQ(MakePlanWithoutUpload(config, Sources())->elf, first);
  const auto by_file = MakePlan(config, "h", Sources());
  ASSERT_TRUE(by_file.ok()) << by_file.status();
  EXPECT_EQ(by_file->elf.parent_path(), folder.path / "uploads");
  config.import_file.clear();
  const auto by_folder = MakePlan(config, "h", Sources());
  ASSERT_TRUE(by_folder.ok()) << by_folder.status();
  EXPECT_NE(by_folder->elf, by_file->elf);
  EXPECT_EQ(uploads->size(), 0U);
}

TEST_F(PlanConfigTest, ABoardIsSupportedIfARecipeMatchesIt) {
  const auto fqbn = [this](const std::string& text) {
    config.fqbn = text;
    const auto found = FindDebugFqbn(config, recipes);
    return found.ok() ? *found : absl::StatusCodeToString(found.status().code());
  };
  EXPECT_EQ(fqbn("a:b:c"), "a:b:c");
  EXPECT_EQ(fqbn("a:b:c:x=1,y=2"), "a:b:c");
  EXPECT_EQ(fqbn("a:b:c:speed=fast"), "a:b:c:speed=fast");
  EXPECT_EQ(fqbn("a:b:d:x=1"), "");
  EXPECT_EQ(fqbn("a:b"), "INVALID_ARGUMENT");
  EXPECT_EQ(fqbn(""), "INVALID_ARGUMENT");
  config.interpreter = "mi9";
  EXPECT_EQ(fqbn("a:b:c"), "INVALID_ARGUMENT");
}

}  // namespace
}  // namespace probegate
