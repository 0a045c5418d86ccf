#include "access/claims.h"

#include <string>

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

TEST(Claims, AreTexts) {
  EXPECT_THAT(ReadClaims({{"ref", "refs/heads/main"}, {"run", 17}, {"protected", true}, {"groups", {"a", "b"}}}),
              ElementsAre(Pair("groups", ElementsAre("a", "b")), Pair("protected", ElementsAre("true")),
                          Pair("ref", ElementsAre("refs/heads/main")), Pair("run", ElementsAre("17"))));
}

TEST(Claims, IncludeThoseInObjects) {
  const json claims = {{"kubernetes.io", {{"namespace", "ci"}, {"serviceaccount", {{"name", "builder"}}}}}};
  EXPECT_THAT(ReadClaims(claims), ElementsAre(Pair("kubernetes.io/namespace", ElementsAre("ci")),
                                              Pair("kubernetes.io/serviceaccount/name", ElementsAre("builder"))));
}

TEST(Claims, LeaveOutWhatCannotBeCompared) {
  EXPECT_THAT(ReadClaims({{"null", nullptr},
                          {"list", {json::array({1})}},
                          {"long", std::string(1025, 'x')},
                          {"nul", std::string("a\0b", 3)},
                          {"empty", ""}}),
              IsEmpty());
}

TEST(Claims, AreBounded) {
  EXPECT_THAT(ReadClaims({{"many", json(std::vector<int>(1'000, 7))}}).at("many"), SizeIs(256));
}

}  // namespace
}  // namespace probegate
