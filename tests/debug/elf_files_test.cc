#include "debug/elf_files.h"

#include "gtest/gtest.h"
#include "tests/debug/temporary_folder.h"

namespace probegate {
namespace {

constexpr char kElf[] =
    "\x7f"
    "ELF and so on";

class ElfFilesTest : public testing::Test {
 protected:
  ElfFilesTest() {
    folder.Write("lab/a.elf", kElf);
    folder.Write("lab/one/b.elf", kElf);
    folder.Write("lab/one/b.hex", "text");
    folder.Write("lab/two/c.elf", kElf);
    folder.Write("lab/two/d.elf", kElf);
    folder.Write("lab/sketch/build/acme.arm.uno/s.ino.elf", kElf);
    folder.Write("lab/text.elf", "text");
    folder.Write("lab-of-others/e.elf", kElf);
    std::filesystem::create_symlink(folder.path / "lab-of-others/e.elf", folder.path / "lab/out.elf");
    std::filesystem::create_symlink(folder.path / "lab/a.elf", folder.path / "lab/in.elf");
    std::filesystem::create_directory_symlink(folder.path / "lab-of-others", folder.path / "lab/away");
    std::filesystem::create_directory(folder.path / "lab/three");
    std::filesystem::create_symlink(folder.path / "lab-of-others/e.elf", folder.path / "lab/three/f.elf");
  }
  // The path of the file relative to the folder, or the error's code.
  std::string Find(const ElfRequest& request) {
    const auto files = ElfFiles::Make({folder.path / "lab"});
    const auto found = files->Find(request);
    return found.ok() ? std::filesystem::relative(*found, folder.path).string()
                      : absl::StatusCodeToString(found.status().code());
  }
  TemporaryFolder folder;
};

TEST_F(ElfFilesTest, FindsFilesInsideTheFolder) {
  EXPECT_EQ(Find({.import_file = "a.elf"}), "lab/a.elf");
  EXPECT_EQ(Find({.import_file = folder.path / "lab/a.elf"}), "lab/a.elf");
  EXPECT_EQ(Find({.import_file = "one/../a.elf"}), "lab/a.elf");
  EXPECT_EQ(Find({.import_file = "in.elf"}), "lab/a.elf");
  EXPECT_EQ(Find({.import_dir = "one"}), "lab/one/b.elf");
  EXPECT_EQ(Find({.sketch_path = "sketch", .fqbn = "acme:arm:uno"}), "lab/sketch/build/acme.arm.uno/s.ino.elf");
  EXPECT_EQ(Find({.sketch_path = "a.elf"}), "lab/a.elf");
}

TEST_F(ElfFilesTest, AFileTakesPrecedenceOverAFolderAndAFolderOverASketch) {
  EXPECT_EQ(Find({.import_file = "a.elf", .import_dir = "one", .sketch_path = "sketch"}), "lab/a.elf");
  EXPECT_EQ(Find({.import_dir = "one", .sketch_path = "sketch"}), "lab/one/b.elf");
}

TEST_F(ElfFilesTest, RefusesNamesOutsideTheFolderWhetherTheFileExistsOrNot) {
  for (const char* name : {"../lab-of-others/e.elf", "../absent", "/etc/passwd", "/absent", "out.elf", "away/e.elf",
                           "one/../../lab-of-others/e.elf", "..", "/"}) {
    EXPECT_EQ(Find({.import_file = name}), "PERMISSION_DENIED") << name;
  }
  EXPECT_EQ(Find({.import_dir = "three"}), "PERMISSION_DENIED");
  EXPECT_EQ(Find({.sketch_path = "sketch", .fqbn = "../../.."}), "NOT_FOUND");
}

TEST_F(ElfFilesTest, ReportsErrorsByTheirCode) {
  EXPECT_EQ(Find({}), "INVALID_ARGUMENT");
  EXPECT_EQ(Find({.import_file = "absent.elf"}), "NOT_FOUND");
  EXPECT_EQ(Find({.import_file = "text.elf"}), "INVALID_ARGUMENT");
  EXPECT_EQ(Find({.import_dir = "two"}), "INVALID_ARGUMENT");
  EXPECT_EQ(Find({.import_dir = "sketch"}), "NOT_FOUND");
  EXPECT_EQ(Find({.import_file = std::string("a.elf\0x", 7)}), "INVALID_ARGUMENT");
  EXPECT_FALSE(ElfFiles::Make({folder.path / "absent"}).ok());
}

}  // namespace
}  // namespace probegate
