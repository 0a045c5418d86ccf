#include "debug/installation.h"

#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/debug/temporary_folder.h"

namespace probegate {
namespace {

using Paths = std::set<std::string>;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

// A home with the folders of a user.
class InstallationTest : public testing::Test {
 protected:
  InstallationTest() {
    ::setenv("HOME", home.c_str(), 1);
    folder.Write("home/.ssh/id", "secret");
    folder.Write("home/lib/secret", "secret");
  }
  ~InstallationTest() override { before != nullptr ? ::setenv("HOME", before_text.c_str(), 1) : ::unsetenv("HOME"); }
  std::string At(const std::string& name) const { return folder.path / name; }
  // A virtual environment with a script.
  void MakeVenv(const std::string& name, const std::string& python_home = "/usr/bin") const {
    folder.Write(name + "/pyvenv.cfg", "home = " + python_home + "\nversion = 3.11\n");
    folder.Write(name + "/lib/python3.11/site-packages/pyocd.py", "");
    folder.Write(name + "/bin/pyocd", "#!" + At(name) + "/bin/python\n");
    folder.Write(name + "/notes.txt", "secret");
    std::filesystem::create_symlink("/usr/bin/python3", At(name + "/bin/python"));
  }
  static std::string Refusal(const std::string& program) {
    return std::string(InstallationOf(program, false).status().message());
  }

  const char* const before = std::getenv("HOME");
  const std::string before_text = before != nullptr ? before : "";
  TemporaryFolder folder;
  const std::string home = folder.path / "home";
};

TEST_F(InstallationTest, NothingIsAddedForTheSystemsPrograms) {
  for (const char* program : {"/bin/sh", "/usr/bin/sh", "/usr/bin/../../bin/sh"}) {
    EXPECT_EQ(*InstallationOf(program, false), Paths{program});
  }
}

TEST_F(InstallationTest, OfAVirtualEnvironmentOnlyItsPartsAreReadable) {
  MakeVenv("venv");
  EXPECT_THAT(*InstallationOf(At("venv/bin/pyocd"), false),
              UnorderedElementsAre(At("venv/bin/pyocd"), At("venv/bin"), At("venv/lib"), At("venv/pyvenv.cfg"),
                                   At("venv/bin/python")));
  std::filesystem::create_directory_symlink(At("venv"), At("current"));
  EXPECT_THAT(*InstallationOf(At("current/bin/pyocd"), false), testing::Contains(At("venv/lib")));
}

TEST_F(InstallationTest, TheBasePythonOfAVirtualEnvironmentIsReadable) {
  folder.Write("python/bin/python3", "");
  folder.Write("python/lib/os.py", "");
  MakeVenv("venv", At("python/bin"));
  const auto paths = *InstallationOf(At("venv/bin/pyocd"), false);
  EXPECT_TRUE(paths.contains(At("python/lib")));
  EXPECT_TRUE(paths.contains(At("python/bin")));
}

// As pipx installs it.
TEST_F(InstallationTest, ALinkInTheHomeLeadsToItsVirtualEnvironment) {
  MakeVenv("home/.local/share/pipx/venvs/pyocd");
  for (const char* name : {"home/.local/bin/pyocd", "home/bin/pyocd"}) {
    std::filesystem::create_directories(std::filesystem::path(At(name)).parent_path());
    std::filesystem::create_symlink(At("home/.local/share/pipx/venvs/pyocd/bin/pyocd"), At(name));
    const auto paths = InstallationOf(At(name), false);
    ASSERT_TRUE(paths.ok()) << paths.status();
    EXPECT_TRUE(paths->contains(At("home/.local/share/pipx/venvs/pyocd/lib")));
    for (const std::string& path : *paths) {
      EXPECT_TRUE(path == At(name) || path.starts_with(At("home/.local/share/pipx/venvs/pyocd/"))) << path;
    }
  }
}

TEST_F(InstallationTest, AScriptInTheHomeLeadsToItsPython) {
  MakeVenv("home/work/venv");
  folder.Write("home/bin/pyocd", "#!" + At("home/work/venv/bin/python") + " -E\n");
  const auto paths = InstallationOf(At("home/bin/pyocd"), false);
  ASSERT_TRUE(paths.ok()) << paths.status();
  EXPECT_TRUE(paths->contains(At("home/work/venv/lib")));
  EXPECT_FALSE(paths->contains(At("home/lib")));
  EXPECT_FALSE(paths->contains(home));
}

TEST_F(InstallationTest, ALinkInTheHomeToTheSystemsProgramIsAllThatIsNeeded) {
  std::filesystem::create_directory(At("home/bin"));
  std::filesystem::create_symlink("/bin/sh", At("home/bin/gdb"));
  EXPECT_EQ(*InstallationOf(At("home/bin/gdb"), false), Paths{At("home/bin/gdb")});
}

TEST_F(InstallationTest, AProgramThatLiesInAHomeIsRefused) {
  for (const char* name : {"home/bin/pyocd", "home/pyocd", "home/.local/bin/pyocd"}) {
    folder.Write(name, "#!/usr/bin/python3\n");
    EXPECT_THAT(Refusal(At(name)), HasSubstr("install it in a folder of its own")) << name;
    EXPECT_EQ(*InstallationOf(At(name), true), Paths{At(name)});
  }
  for (const char* program : {"/sh", "/opt/pyocd", "/tmp/pyocd"}) {
    EXPECT_THAT(Refusal(program), HasSubstr("cannot be told from what else is in")) << program;
  }
}

TEST_F(InstallationTest, AHomeThatIsAVirtualEnvironmentIsRefused) {
  MakeVenv("home");
  EXPECT_THAT(Refusal(At("home/bin/pyocd")), HasSubstr("the virtual environment is " + home + " itself"));
}

TEST_F(InstallationTest, OfAToolchainItsTargetsFolderIsReadable) {
  folder.Write("gcc/bin/arm-none-eabi-gdb", "");
  folder.Write("gcc/arm-none-eabi/share/gdb/gdb.py", "");
  folder.Write("gcc/share/doc", "");
  folder.Write("gcc/secret", "");
  EXPECT_THAT(
      *InstallationOf(At("gcc/bin/arm-none-eabi-gdb"), false),
      UnorderedElementsAre(At("gcc/bin/arm-none-eabi-gdb"), At("gcc/bin"), At("gcc/arm-none-eabi"), At("gcc/share")));
}

}  // namespace
}  // namespace probegate
