#include "debug/elf_files.h"

#include "gmock/gmock.h"
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
    folder.Write("lab/sketch/sketch.ino", "");
    folder.Write("lab/sketch/other.txt", "text");
    folder.Write("lab/sketch/build/acme.arm.due/one.elf", kElf);
    folder.Write("lab/sketch/build/acme.arm.due/sketch.ino.elf", kElf);
    folder.Write("lab/sketch/build/acme.arm.two/one.elf", kElf);
    folder.Write("lab/sketch/build/acme.arm.two/two.elf", kElf);
    folder.Write("lab/sketch/build/Acme.arm.mixed/s.ino.elf", kElf);
    folder.Write("lab/sketch/build/acme.arm.twice/s.ino.elf", kElf);
    folder.Write("lab/sketch/build/ACME.arm.twice/s.ino.elf", kElf);
    folder.Write("lab/sketch/build/acme.arm.none/s.hex", "text");
    folder.Write("lab/old/old.pde", "");
    folder.Write("lab/old/old.elf", kElf);
    folder.Write("lab/empty/empty.ino", "");
    folder.Write("lab/away-build/x.ino", "");
    std::filesystem::create_directory_symlink(folder.path / "lab-of-others", folder.path / "lab/away-build/build");
    std::filesystem::create_directory_symlink(folder.path / "lab-of-others",
                                              folder.path / "lab/sketch/build/acme.arm.away");
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
    error = std::string(found.status().message());
    return found.ok() ? std::filesystem::relative(*found, folder.path).string()
                      : absl::StatusCodeToString(found.status().code());
  }
  std::string FindSketch(const std::string& path, const std::string& build_folder) {
    return Find({.sketch_path = path, .build_folder = build_folder});
  }

  std::string error;  // of the last Find
  TemporaryFolder folder;
};

TEST_F(ElfFilesTest, FindsFilesInsideTheFolder) {
  EXPECT_EQ(Find({.import_file = "a.elf"}), "lab/a.elf");
  EXPECT_EQ(Find({.import_file = folder.path / "lab/a.elf"}), "lab/a.elf");
  EXPECT_EQ(Find({.import_file = "one/../a.elf"}), "lab/a.elf");
  EXPECT_EQ(Find({.import_file = "in.elf"}), "lab/a.elf");
  EXPECT_EQ(Find({.import_dir = "one"}), "lab/one/b.elf");
  EXPECT_EQ(Find({.sketch_path = "sketch", .build_folder = "acme.arm.uno"}), "lab/sketch/build/acme.arm.uno/s.ino.elf");
  EXPECT_EQ(Find({.sketch_path = "a.elf"}), "lab/a.elf");
}

TEST_F(ElfFilesTest, AFileTakesPrecedenceOverAFolderAndAFolderOverASketch) {
  EXPECT_EQ(Find({.import_file = "a.elf", .import_dir = "one", .sketch_path = "sketch"}), "lab/a.elf");
  EXPECT_EQ(Find({.import_dir = "one", .sketch_path = "sketch"}), "lab/one/b.elf");
}

TEST_F(ElfFilesTest, ASketchIsItsFolderOrItsMainFile) {
  for (const char* path : {"sketch", "sketch/", "sketch/sketch.ino", "./sketch/../sketch/sketch.ino"}) {
    EXPECT_EQ(FindSketch(path, "acme.arm.uno"), "lab/sketch/build/acme.arm.uno/s.ino.elf") << path;
  }
  EXPECT_EQ(FindSketch(folder.path / "lab/sketch/sketch.ino", "acme.arm.uno"),
            "lab/sketch/build/acme.arm.uno/s.ino.elf");
  EXPECT_EQ(FindSketch("old/old.pde", "acme.arm.uno"), "lab/old/old.elf");
  EXPECT_EQ(FindSketch("sketch/other.txt", "acme.arm.uno"), "INVALID_ARGUMENT");
  EXPECT_EQ(error, "sketch_path \"sketch/other.txt\": the file is not a valid ELF file");
}

TEST_F(ElfFilesTest, OfSeveralFilesTheSketchsOwnIsUsed) {
  constexpr char kOwn[] = "lab/sketch/build/acme.arm.due/sketch.ino.elf";
  EXPECT_EQ(FindSketch("sketch", "acme.arm.due"), kOwn);
  EXPECT_EQ(FindSketch("sketch/sketch.ino", "acme.arm.due"), kOwn);
  for (const char* sketch : {"sketch", "/elsewhere/sketch/", "/elsewhere/sketch/sketch.ino"}) {
    EXPECT_EQ(Find({.import_dir = "sketch/build/acme.arm.due", .sketch_path = sketch}), kOwn) << sketch;
  }
  EXPECT_EQ(Find({.import_dir = "sketch/build/acme.arm.due"}), "INVALID_ARGUMENT");
  EXPECT_EQ(FindSketch("sketch", "acme.arm.two"), "INVALID_ARGUMENT");
  EXPECT_EQ(error, "sketch_path \"sketch\": the folder contains several .elf files; name one with import_file");
}

TEST_F(ElfFilesTest, TheBuildFolderMayBeInAnotherCase) {
  EXPECT_EQ(FindSketch("sketch", "ACME.ARM.UNO"), "lab/sketch/build/acme.arm.uno/s.ino.elf");
  EXPECT_EQ(FindSketch("sketch", "acme.arm.mixed"), "lab/sketch/build/Acme.arm.mixed/s.ino.elf");
  EXPECT_EQ(FindSketch("sketch", "acme.arm.twice"), "lab/sketch/build/acme.arm.twice/s.ino.elf");
  EXPECT_EQ(FindSketch("sketch", "ACME.arm.twice"), "lab/sketch/build/ACME.arm.twice/s.ino.elf");
  EXPECT_EQ(FindSketch("sketch", "acme.ARM.twice"), "INVALID_ARGUMENT");
  EXPECT_THAT(error, testing::HasSubstr("use the exact name in fqbn"));
}

TEST_F(ElfFilesTest, ASketchThatIsNotCompiledForTheBoardIsNotFound) {
  for (const auto& [path, board] : {std::pair("sketch", "acme.avr.uno"), std::pair("sketch", "acme.arm.none"),
                                    std::pair("empty", "acme.arm.uno"), std::pair("empty/empty.ino", "acme.arm.uno")}) {
    EXPECT_EQ(FindSketch(path, board), "NOT_FOUND") << path << board;
    EXPECT_EQ(error, "sketch_path \"" + std::string(path) + "\": there is no .elf file in the folder \"build/" + board +
                         "\" of the sketch; compile the sketch for this board with --export-binaries, or set "
                         "import_dir to the folder that has the ELF file");
  }
}

TEST_F(ElfFilesTest, ABuildFolderThatLeadsOutsideIsRefused) {
  EXPECT_EQ(FindSketch("away-build", "acme.arm.uno"), "PERMISSION_DENIED");
  EXPECT_EQ(FindSketch("sketch", "acme.arm.away"), "PERMISSION_DENIED");
}

TEST_F(ElfFilesTest, EachErrorBeginsWithItsField) {
  Find({.import_file = "absent.elf"});
  EXPECT_EQ(error, "import_file \"absent.elf\": there is no such ELF file or folder below the folders of --elf-folder");
  Find({.import_dir = "/etc"});
  EXPECT_THAT(error, testing::StartsWith("import_dir \"/etc\": the ELF file is in none of the folders"));
  Find({.import_dir = "sketch"});
  EXPECT_EQ(error, "import_dir \"sketch\": the folder contains no .elf file; name a folder that has one");
  FindSketch("absent\n" + std::string(100'000, 'x'), "a.b.c");
  EXPECT_THAT(error, testing::StartsWith("sketch_path \"absent xxx"));
  EXPECT_LT(error.size(), 400U);
  Find({});
  EXPECT_EQ(error, "no ELF file is named; set import_file, import_dir or sketch_path");
}

TEST_F(ElfFilesTest, RefusesNamesOutsideTheFolderWhetherTheFileExistsOrNot) {
  for (const char* name : {"../lab-of-others/e.elf", "../absent", "/etc/passwd", "/absent", "out.elf", "away/e.elf",
                           "one/../../lab-of-others/e.elf", "..", "/"}) {
    EXPECT_EQ(Find({.import_file = name}), "PERMISSION_DENIED") << name;
  }
  EXPECT_EQ(Find({.import_dir = "three"}), "PERMISSION_DENIED");
  EXPECT_EQ(Find({.sketch_path = "sketch", .build_folder = "../../.."}), "NOT_FOUND");
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
