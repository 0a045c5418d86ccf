#include "debug/recipe.h"

#include "gtest/gtest.h"
#include "tests/debug/temporary_folder.h"

namespace probegate {
namespace {

// With these, a backtrace leads out of an exception handler.
const std::vector<std::string> kDefaultGdbCommands = {"set mem inaccessible-by-default off"};

// The name of the recipe for a board, or the error.
std::string NameOf(const RecipeBook& book, const std::string& fqbn) {
  const auto recipe = book.Find(*Fqbn::Parse(fqbn));
  return recipe.ok() ? recipe->name : std::string(recipe.status().message());
}

class RecipeTest : public testing::Test {
 protected:
  RecipeTest() {
    folder.Script("bin/pyocd", "");
    folder.Script("bin/gdb-multiarch", "");
  }
  std::string Error(const std::string& yaml) {
    const auto book = RecipeBook::Read("f", yaml, "/nowhere:" + (folder.path / "bin").string());
    return book.ok() ? "" : std::string(book.status().message());
  }
  TemporaryFolder folder;
};

TEST_F(RecipeTest, FindsTheBuiltInRecipes) {
  const auto book = RecipeBook::BuiltIn(folder.path / "bin");
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_EQ(NameOf(*book, "nrf52840"), "nrf52840");
  EXPECT_EQ(NameOf(*book, "arduino:mbed_nano:nano33ble"), "nrf52840");
  EXPECT_EQ(NameOf(*book, "Acme:nrf:NRF52840DK"), "nrf52840");
  const auto cortex = book->Find(*Fqbn::Parse("cortex_m"));
  EXPECT_EQ(cortex->name, "cortex_m");
  EXPECT_EQ(cortex->server.front(), folder.path / "bin/pyocd");
  EXPECT_EQ(cortex->gdb, folder.path / "bin/gdb-multiarch");
  EXPECT_EQ(cortex->gdb_commands, kDefaultGdbCommands);
  EXPECT_EQ(book->Find(*Fqbn::Parse("nrf52840"))->gdb_commands, kDefaultGdbCommands);
  EXPECT_EQ(book->Find(*Fqbn::Parse("arduino:avr:uno")).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RecipeTest, ReadsRecipesFromAFile) {
  const std::string yaml =
      "recipes:\n"
      "- {name: a, boards: [x, 'y*'], server: [/bin/sh, '{gateway}'], ready: 'at {port}!', gdb: /bin/cat,\n"
      "   gdb-commands: [one, two], read: [/srv], environment: {A: 1}}\n"
      "- {name: c, boards: [c], server: [pyocd], gdb-commands: []}\n"
      "- {name: b, boards: ['*'], server: [pyocd]}\n";
  const auto book = RecipeBook::Read("f", yaml, folder.path / "bin");
  ASSERT_TRUE(book.ok()) << book.status();
  const auto recipe = book->Find(*Fqbn::Parse("yz"));
  EXPECT_EQ(recipe->name, "a");
  EXPECT_EQ(recipe->server, (std::vector<std::string>{"/bin/sh", "{gateway}"}));
  EXPECT_EQ(recipe->ready, "at {port}!");
  EXPECT_EQ(recipe->gdb, "/bin/cat");
  EXPECT_EQ(recipe->gdb_commands, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(recipe->read, std::vector<std::string>{"/srv"});
  EXPECT_EQ(recipe->environment.at("A"), "1");
  EXPECT_EQ(NameOf(*book, "z"), "b");
  EXPECT_EQ(book->Find(*Fqbn::Parse("z"))->gdb_commands, kDefaultGdbCommands);
  EXPECT_TRUE(book->Find(*Fqbn::Parse("c"))->gdb_commands.empty());
}

TEST_F(RecipeTest, OptionsOfABoardOnlyCountIfAPatternNamesThem) {
  const auto book = RecipeBook::Read("f",
                                     "recipes:\n"
                                     "- {name: secure, boards: ['a:b:c:tz=on', 'a:b:c:*,tz=on'], server: [pyocd]}\n"
                                     "- {name: any, boards: ['a:b:c'], server: [pyocd]}\n"
                                     "- {name: options, boards: ['a:b:d:*'], server: [pyocd]}\n"
                                     "- {name: end, boards: ['*:e'], server: [pyocd]}\n",
                                     folder.path / "bin");
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_EQ(NameOf(*book, "a:b:c"), "any");
  EXPECT_EQ(NameOf(*book, "A:B:C:x=1,y=2"), "any");
  EXPECT_EQ(NameOf(*book, "a:b:c:tz=on"), "secure");
  EXPECT_EQ(NameOf(*book, "a:b:c:x=1,tz=on"), "secure");
  EXPECT_EQ(NameOf(*book, "a:b:c:tz=off"), "any");
  EXPECT_EQ(NameOf(*book, "a:b:d:x=1"), "options");
  EXPECT_EQ(NameOf(*book, "x:y:e:speed=fast"), "end");
  EXPECT_EQ(NameOf(*book, "a:b:d"),
            "no recipe matches fqbn \"a:b:d\"; use one of these boards, or add a recipe (--recipes): "
            "secure (a:b:c:tz=on, a:b:c:*,tz=on), any (a:b:c), options (a:b:d:*), end (*:e)");
}

TEST_F(RecipeTest, ErrorsSayWhatIsWrongAndInWhichLine) {
  constexpr char kNotRecipes[] = "f:1: the file must be a map with only the key recipes, which must be a list";
  EXPECT_EQ(Error(""), kNotRecipes);
  EXPECT_EQ(Error("recipes: 1"), kNotRecipes);
  EXPECT_EQ(Error("recipes: []\nmore: 1"), kNotRecipes);
  EXPECT_EQ(Error("recipes:\n- {name: a, boards: [b]}"), "f:2: a recipe must have the key server");
  EXPECT_EQ(Error("recipes:\n- {name: a, boards: b, server: [pyocd]}"), "f:2: boards must be a list of strings");
  EXPECT_EQ(Error("recipes:\n- {name: a, boards: [b], server: []}"), "f:2: server names no program");
  EXPECT_EQ(Error("recipes:\n- {name: a, boards: [b], server: [bin/x]}"),
            "f:2: cannot find the program bin/x; use a name in PATH or an absolute path");
  EXPECT_EQ(Error("recipes:\n- {name: a, boards: [b], server: [pyocd], ready: x}"),
            "f:2: ready must contain {port}, after some other text");
  EXPECT_EQ(Error("recipes:\n- {name: a, boards: [b], server: [pyocd], colour: red}"),
            "f:2: unknown key in a recipe: colour");
  EXPECT_EQ(Error("recipes:\n- 7"), "f:2: a recipe must be a map");
  EXPECT_TRUE(Error("recipes: [").starts_with("f:")) << Error("recipes: [");
  EXPECT_EQ(ReadTextFile("/").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace probegate
