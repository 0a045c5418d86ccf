#include "debug/plan.h"

#include <memory>
#include <set>

#include "debug/installation.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/debug/temporary_folder.h"

namespace probegate {
namespace {

TEST(PlanTest, AConfinedProgramMayReadItsInstallationAndGdbTheElfFile) {
  const auto paths = [](const ProcessCommand& command) {
    std::set<std::string> read;
    for (size_t i = 1; i < command.words.size(); ++i) {
      if (command.words[i - 1] == "--read") read.insert(command.words[i]);
    }
    return read;
  };
  DebugPlan plan;
  plan.recipe.server = {"/s"};
  plan.recipe.server_files = {"/s", "/opt/s/lib"};
  plan.recipe.gdb_files = {"/g"};
  plan.recipe.read = {"/packs"};
  plan.elf = "/elf";
  std::set<std::string> both(SystemFiles().begin(), SystemFiles().end());
  both.insert("/packs");
  std::set<std::string> server = both, gdb = both;
  server.insert({"/s", "/opt/s/lib"});
  gdb.insert({"/g", "/elf"});
  EXPECT_EQ(paths(GdbServerCommand({}, plan, "/work", 1)), server);
  EXPECT_EQ(paths(GdbCommand({}, plan, "/work", 1)), gdb);
  EXPECT_EQ(paths(GdbCommand({.confined = false}, plan, "/work", 1)), std::set<std::string>());
}

TEST(PlanTest, TheGatewayIsToldForWhomItIs) {
  const auto words = [](const Caller& caller) { return GatewayCommand({}, {}, caller, "/work").words; };
  Caller caller(Peer{.address = "10.0.0.7:41234", .host = "10.0.0.7", .client = "10.0.0.7"},
                Identity{.proof = Proof::kToken, .name = "bench-1"});
  EXPECT_THAT(words(caller),
              testing::IsSupersetOf({"--client-address", "10.0.0.7:41234", "--client-user", "token:bench-1"}));
  caller.identity.proof = Proof::kLocal;
  EXPECT_THAT(words(caller), testing::Not(testing::Contains("--client-user")))
      << "any user of this machine could be it";
  caller.peer = PeerWithUid(1000);
  EXPECT_THAT(words(caller), testing::Not(testing::Contains("--client-address")));
}

// --- What clients ask for

const Caller kCaller(Peer{.address = "h:1", .host = "h", .client = "h"});

class PlanConfigTest : public testing::Test {
 protected:
  PlanConfigTest() {
    folder.Write("elf/sketch/build/a.b.c/sketch.ino.elf",
                 "\x7f"
                 "ELF");
    std::filesystem::create_directory(folder.path / "uploads");
    uploads = std::make_unique<UploadStore>(folder.path / "uploads", UploadStore::Limits(), quota, timers, disk);
    elf_files = std::make_unique<ElfFiles>(*ElfFiles::Make({folder.path / "elf"}));
    config.fqbn = "a:b:c:x=1,y=2";
    config.port = {{"port", "A1"}};
    config.sketch_path = "sketch";
  }

  ~PlanConfigTest() override { timers.Stop(); }

  DebugSources Sources() {
    return {.recipes = recipes, .elf_files = *elf_files, .uploads = *uploads, .access = access, .list_probes = {}};
  }
  // All steps, for a client on the host "h".
  absl::StatusOr<DebugPlan> MakePlan() {
    auto plan = StartPlan(config, Sources());
    if (!plan.ok()) return plan;
    const auto probes = std::make_shared<ProbeList>();
    probes->probes.emplace_back().status.mutable_description()->set_unique_id("A1");
    absl::Status status = AddProbe(config, kCaller, access, probes, *plan);
    if (status.ok()) status = TakeUpload(config, kCaller.owner, *uploads, *plan);
    if (!status.ok()) return status;
    return plan;
  }
  // Uploads a file from the host "h", and returns its name.
  std::string Upload() {
    const auto incoming = *uploads->Begin(kCaller);
    EXPECT_TRUE(incoming
                    ->Append("\x7f"
                             "ELF")
                    .ok());
    return *incoming->Finish();
  }
  // Why there can be no session.
  std::string Error() { return std::string(MakePlan().status().message()); }

  TemporaryFolder folder;
  RecipeBook recipes =
      *RecipeBook::Read("f",
                        "recipes:\n"
                        "- {name: fast, boards: ['a:b:c:speed=fast'], server: [/bin/cat], gdb: /bin/cat}\n"
                        "- {name: any, boards: ['a:b:c'], server: [/bin/cat], gdb: /bin/cat}\n",
                        "");
  std::unique_ptr<ElfFiles> elf_files;
  Quota quota{"uploads", {.all = 2, .per_client = 2}};
  Workers disk{1};
  Timers timers;
  std::unique_ptr<UploadStore> uploads;
  DebugConfig config;
  AccessControl access;
};

TEST_F(PlanConfigTest, ABoardWithOptionsFindsItsRecipeAndItsBuildFolder) {
  for (const char* fqbn : {"a:b:c", "a:b:c:x=1", "a:b:c:x=1,y=2"}) {
    config.fqbn = fqbn;
    const auto plan = MakePlan();
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->recipe.name, "any");
    EXPECT_EQ(plan->elf, folder.path / "elf/sketch/build/a.b.c/sketch.ino.elf");
    EXPECT_EQ(plan->probe.uid, "A1");
  }
  config.fqbn = "a:b:c:speed=fast";
  EXPECT_EQ(MakePlan()->recipe.name, "fast");
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

// Comparing long ones with patterns, again and again without an option, would take minutes.
TEST_F(PlanConfigTest, LongFieldsAreRefused) {
  const DebugConfig good = config;
  config.fqbn = "a:b:c:" + std::string(600, 'x') + "=1";
  EXPECT_EQ(Error(), "fqbn has 608 bytes; it may have at most 512");
  EXPECT_EQ(FindDebugFqbn(config, recipes).status().message(), Error());
  config = good;
  config.port = {{"port.address", std::string(5000, 'x')}};
  EXPECT_EQ(Error(), "port.address has 5000 bytes; it may have at most 4096");
  config = good;
  config.import_file = std::string(5000, 'x');
  EXPECT_EQ(Error(), "import_file has 5000 bytes; it may have at most 4096");
}

TEST_F(PlanConfigTest, AServerThatDoesNotAnswerIsTheReason) {
  auto plan = *StartPlan(config, Sources());
  EXPECT_EQ(AddProbe(config, kCaller, access, absl::UnavailableError("no server answers"), plan).message(),
            "no server answers");
}

TEST_F(PlanConfigTest, AnUploadIsNamedByTheFileOrTheFolder) {
  const std::string first = Upload(), second = Upload();
  config.import_file = first;
  config.import_dir = second;
  EXPECT_EQ(StartPlan(config, Sources())->elf, first);
  const auto by_file = MakePlan();
  ASSERT_TRUE(by_file.ok()) << by_file.status();
  EXPECT_EQ(by_file->elf.parent_path(), folder.path / "uploads");
  config.import_file.clear();
  const auto by_folder = MakePlan();
  ASSERT_TRUE(by_folder.ok()) << by_folder.status();
  EXPECT_NE(by_folder->elf, by_file->elf);
  EXPECT_EQ(quota.usage().taken, 0U);
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
