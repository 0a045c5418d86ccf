#include "debug/recipe.h"

#include "gtest/gtest.h"
#include "tests/debug/temporary_folder.h"

namespace probegate {
namespace {

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

TEST_F(RecipeTest, BuiltIn) {
  const auto book = RecipeBook::BuiltIn(folder.path / "bin");
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_EQ(book->Find("nrf52840")->name, "nrf52840");
  EXPECT_EQ(book->Find("arduino:mbed_nano:nano33ble")->name, "nrf52840");
  EXPECT_EQ(book->Find("Acme:nrf:NRF52840DK")->name, "nrf52840");
  const auto cortex = book->Find("cortex_m");
  EXPECT_EQ(cortex->name, "cortex_m");
  EXPECT_EQ(cortex->server.front(), folder.path / "bin/pyocd");
  EXPECT_EQ(cortex->gdb, folder.path / "bin/gdb-multiarch");
  EXPECT_EQ(book->Find("arduino:avr:uno").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(book->Find("").status().message(), "fqbn is empty: it says which board it is");
}

TEST_F(RecipeTest, OfAFile) {
  const std::string yaml =
      "recipes:\n"
      "- {name: a, boards: [x, 'y*'], server: [/bin/sh, '{gateway}'], ready: 'at {port}!', gdb: /bin/cat,\n"
      "   gdb-commands: [one, two], read: [/srv], environment: {A: 1}}\n"
      "- {name: b, boards: ['*'], server: [pyocd]}\n";
  const auto book = RecipeBook::Read("f", yaml, folder.path / "bin");
  ASSERT_TRUE(book.ok()) << book.status();
  const auto recipe = book->Find("yz");
  EXPECT_EQ(recipe->name, "a");
  EXPECT_EQ(recipe->server, (std::vector<std::string>{"/bin/sh", "{gateway}"}));
  EXPECT_EQ(recipe->ready, "at {port}!");
  EXPECT_EQ(recipe->gdb, "/bin/cat");
  EXPECT_EQ(recipe->gdb_commands, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(recipe->read, std::vector<std::string>{"/srv"});
  EXPECT_EQ(recipe->environment.at("A"), "1");
  EXPECT_EQ(book->Find("z")->name, "b");
}

TEST_F(RecipeTest, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(Error(""), "f:1: has to be a map with a list of recipes, and nothing else");
  EXPECT_EQ(Error("recipes: 1"), "f:1: has to be a map with a list of recipes, and nothing else");
  EXPECT_EQ(Error("recipes: []\nmore: 1"), "f:1: has to be a map with a list of recipes, and nothing else");
  EXPECT_EQ(Error("recipes:\n- {name: a, boards: [b]}"), "f:2: a recipe needs server");
  EXPECT_EQ(Error("recipes:\n- {name: a, boards: b, server: [pyocd]}"), "f:2: boards has to be a list of texts");
  EXPECT_EQ(Error("recipes:\n- {name: a, boards: [b], server: []}"), "f:2: server names no program");
  EXPECT_EQ(Error("recipes:\n- {name: a, boards: [b], server: [bin/x]}"),
            "f:2: there is no program bin/x (in PATH, or by its whole path)");
  EXPECT_EQ(Error("recipes:\n- {name: a, boards: [b], server: [pyocd], ready: x}"),
            "f:2: ready needs {port}, after some text");
  EXPECT_EQ(Error("recipes:\n- {name: a, boards: [b], server: [pyocd], colour: red}"),
            "f:2: there is no colour in a recipe");
  EXPECT_EQ(Error("recipes:\n- 7"), "f:2: a recipe has to be a map");
  EXPECT_TRUE(Error("recipes: [").starts_with("f:")) << Error("recipes: [");
  EXPECT_EQ(ReadTextFile("/").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace probegate
