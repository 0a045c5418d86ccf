#include "gateway/port_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace probegate {
namespace {

using ::testing::HasSubstr;

class PortMapTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "port_map_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  PortMap Open(std::map<std::string, uint16_t> fixed = {}) {
    return *PortMap::Open(directory_ / "state", std::move(fixed));
  }
  std::filesystem::path file() const { return directory_ / "state" / "ports.json"; }
  void Write(const std::string& content) {
    std::filesystem::create_directories(file().parent_path());
    std::ofstream(file()) << content;
  }
  std::string Content() const {
    std::stringstream content;
    content << std::ifstream(file()).rdbuf();
    return content.str();
  }

  std::filesystem::path directory_;
};

TEST_F(PortMapTest, GivesPortsUpwardAndKeepsThem) {
  {
    PortMap map = Open();
    EXPECT_EQ(*map.PortFor("A", 5555), 5555);
    EXPECT_EQ(*map.PortFor("B", 5555), 5556);
    EXPECT_EQ(*map.PortFor("A", 5555), 5555);
  }
  PortMap map = Open();
  EXPECT_EQ(*map.PortFor("C", 5555), 5557);
  EXPECT_EQ(*map.PortFor("B", 5555), 5556);
  // A probe keeps its port, even if --port is different now.
  EXPECT_EQ(*map.PortFor("A", 6000), 5555);
}

TEST_F(PortMapTest, NeverGivesAPortToAnother) {
  EXPECT_EQ(*Open().PortFor("gone", 5555), 5555);
  PortMap map = Open();
  EXPECT_EQ(*map.PortFor("other", 5555), 5556);
  const auto claim = map.Claim("other", 5555);
  EXPECT_THAT(std::string(claim.message()),
              AllOf(HasSubstr("5555"), HasSubstr("gone"), HasSubstr("other"), HasSubstr("--map")));
  EXPECT_TRUE(map.Claim("gone", 5555).ok());
}

TEST_F(PortMapTest, TwoGatewaysKeepEachOthersPromises) {
  PortMap one = Open();
  PortMap two = Open();
  EXPECT_EQ(*one.PortFor("A", 5555), 5555);
  EXPECT_EQ(*two.PortFor("B", 5555), 5556);
  EXPECT_EQ(*one.PortFor("C", 5555), 5557);
}

TEST_F(PortMapTest, AClaimedPortIsKept) {
  EXPECT_TRUE(Open().Claim("A", 7000).ok());
  EXPECT_EQ(*Open().PortFor("A", 5555), 7000);
  EXPECT_EQ(*Open().PortFor("B", 7000), 7001);
}

TEST_F(PortMapTest, FixedPortsAreUsed) {
  PortMap map = Open({{"A", 5555}});
  EXPECT_EQ(*map.PortFor("A", 6000), 5555);
  EXPECT_EQ(*map.PortFor("B", 5555), 5556);
  EXPECT_FALSE(map.Claim("B", 5555).ok());
}

TEST_F(PortMapTest, FixedPortsAreKeptWhenTheFlagIsGone) {
  PortMap other = Open();
  Open({{"A", 5555}});
  // Another gateway with the same directory, and then this gateway, restarted without the flag.
  EXPECT_EQ(*other.PortFor("B", 5555), 5556);
  EXPECT_EQ(*Open().PortFor("A", 6000), 5555);
}

TEST_F(PortMapTest, AFixedPortReplacesTheProbesEarlierPort) {
  EXPECT_EQ(*Open().PortFor("A", 5555), 5555);
  EXPECT_EQ(*Open({{"A", 7000}}).PortFor("A", 5555), 7000);
  PortMap map = Open();
  EXPECT_EQ(*map.PortFor("A", 5555), 7000);
  EXPECT_EQ(*map.PortFor("B", 5555), 5555);
}

TEST_F(PortMapTest, FixedPortsMaySwap) {
  PortMap before = Open();
  EXPECT_EQ(*before.PortFor("A", 5555), 5555);
  EXPECT_EQ(*before.PortFor("B", 5555), 5556);
  Open({{"A", 5556}, {"B", 5555}});
  EXPECT_EQ(*Open().PortFor("A", 5555), 5556);
  EXPECT_EQ(*Open().PortFor("B", 5555), 5555);
}

TEST_F(PortMapTest, TheCaseOfUniqueIdsDoesNotMatter) {
  PortMap map = Open({{"ab12", 7000}});
  EXPECT_EQ(*map.PortFor("AB12", 5555), 7000);
  EXPECT_TRUE(map.Claim("Ab12", 7000).ok());
  EXPECT_EQ(*Open().PortFor("AB12", 5555), 7000);
}

TEST_F(PortMapTest, RefusesConflictingFixedPorts) {
  EXPECT_FALSE(PortMap::Open(directory_, {{"A", 5555}, {"B", 5555}}).ok());
  EXPECT_EQ(*Open().PortFor("A", 5555), 5555);
  const auto map = PortMap::Open(directory_ / "state", {{"B", 5555}});
  EXPECT_THAT(std::string(map.status().message()), AllOf(HasSubstr("5555"), HasSubstr("A"), HasSubstr("B")));
}

TEST_F(PortMapTest, LeavesADamagedFileUnchanged) {
  for (const std::string content :
       {"", "{", "[]", "{}", R"({"version": 2, "ports": {}})", R"({"version": 1, "ports": []})",
        R"({"version": 1, "ports": {"0": "A"}})", R"({"version": 1, "ports": {"70000": "A"}})",
        R"({"version": 1, "ports": {"5555x": "A"}})", R"({"version": 1, "ports": {"5555": 7}})"}) {
    Write(content);
    const auto map = PortMap::Open(directory_ / "state", {});
    ASSERT_FALSE(map.ok()) << content;
    EXPECT_THAT(std::string(map.status().message()), AllOf(HasSubstr(file().string()), HasSubstr("damaged")));
    EXPECT_EQ(Content(), content);
  }
}

TEST_F(PortMapTest, LeavesAFileDamagedLaterUnchanged) {
  PortMap map = Open();
  Write("garbage");
  EXPECT_FALSE(map.PortFor("A", 5555).ok());
  EXPECT_FALSE(map.Claim("A", 5555).ok());
  EXPECT_EQ(Content(), "garbage");
}

TEST_F(PortMapTest, NamesTheFileThatCannotBeWritten) {
  std::ofstream(directory_ / "file") << "x";
  const auto map = PortMap::Open(directory_ / "file" / "state", {});
  ASSERT_TRUE(!map.ok() || !PortMap(*map).PortFor("A", 5555).ok());
}

TEST_F(PortMapTest, RunsOutOfPorts) {
  PortMap map = Open();
  EXPECT_EQ(*map.PortFor("A", 65535), 65535);
  EXPECT_THAT(std::string(map.PortFor("B", 65535).status().message()), HasSubstr("no port from 65535"));
}

}  // namespace
}  // namespace probegate
