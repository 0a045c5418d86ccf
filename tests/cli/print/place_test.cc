// Which of several servers has a probe or a session.
#include "cli/print/place.h"

#include "cli/print/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::ElementsAre;

HostOfServer At(const std::string& host, uint16_t port) {
  return {{.address = {"127.0.0.1", port}, .name = {"localhost", port}}, host};
}

std::vector<std::string> Columns(const std::vector<HostOfServer>& servers) {
  std::vector<std::string> columns;
  for (const Place& place : PlacesOf(servers)) columns.push_back(place.column);
  return columns;
}

TEST(PlacesOf, ShowsTheMachineIfItsNameIsUnique) {
  EXPECT_THAT(Columns({At("lab1", 1), At("lab2", 2)}), ElementsAre("lab1", "lab2"));
  EXPECT_THAT(Columns({At("lab1", 1), At("lab2", 2), At("lab1", 3)}),
              ElementsAre("127.0.0.1:1", "lab2", "127.0.0.1:3"));
  // As reported by a server of an older version.
  EXPECT_THAT(Columns({At("", 1)}), ElementsAre("127.0.0.1:1"));
}

TEST(WithPlace, AddsToAnObject) {
  const Place place = PlacesOf({At("lab\"1", 7)}).at(0);
  EXPECT_EQ(WithPlace("{\"a\":1}", place), "{\"a\":1,\"host\":\"lab\\\"1\",\"server\":\"127.0.0.1:7\"}");
  EXPECT_EQ(WithMember("{}", "a", "[]"), "{\"a\":[]}");
}

}  // namespace
}  // namespace probegate
