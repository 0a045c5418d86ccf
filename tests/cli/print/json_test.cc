#include "cli/print/json.h"

#include <google/protobuf/timestamp.pb.h>

#include "cli/print/failure.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(Json, RefusesWhatJsonCannotExpress) {
  google::protobuf::Timestamp time;
  EXPECT_EQ(ToJson(time), "\"1970-01-01T00:00:00Z\"");
  time.set_seconds(100'000'000'000'000'000);
  EXPECT_THROW(ToJson(time), Failure);
}

TEST(Json, AddsAMemberOnlyToAnObject) {
  EXPECT_EQ(WithMember("{}", "a", "1"), "{\"a\":1}");
  for (const char* none : {"", "{", "}", "[]", "1"}) EXPECT_THROW(WithMember(none, "a", "1"), Failure) << none;
}

}  // namespace
}  // namespace probegate
