#include "debug/confinement_report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ConfinementReportTest, NamesWhatIsOpen) {
  const std::string debian12 = ConfinementReport{.landlock = 2}.Open();
  EXPECT_THAT(debian12, HasSubstr("TCP connections to any address"));
  EXPECT_THAT(debian12, HasSubstr("the disk"));
  EXPECT_THAT(debian12, HasSubstr("all sessions together"));
  const std::string newer = ConfinementReport{.landlock = 4}.Open();
  EXPECT_THAT(newer, HasSubstr("the port of the session's gateway"));
  EXPECT_THAT(newer, Not(HasSubstr("TCP connections to any address")));
  EXPECT_EQ((ConfinementReport{.landlock = 2, .namespaces = true}.Open()),
            "processor time; memory up to 4 GiB for each program");
  EXPECT_THAT((ConfinementReport{.landlock = 2, .namespaces = true, .root = true}.Open()),
              HasSubstr("the number of threads; "));
  EXPECT_EQ((ConfinementReport{
                .landlock = 4, .namespaces = true, .root = true, .memory = true, .threads = true, .processors = true}
                 .Open()),
            "");
}

}  // namespace
}  // namespace probegate
