#include "cli/print/text_table.h"

#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(FormatTable, AlignsColumns) {
  EXPECT_EQ(FormatTable({{"A", "LONG", "C"}, {"abc", "\xC3\xA4", "last"}}), "A    LONG  C\nabc  \xC3\xA4     last\n");
}

TEST(FormatTable, EscapesTerminalControls) {
  EXPECT_EQ(FormatTable({{"A", "B"}, {"x\x1b[2J\nPROBE", "y"}}),
            "A                      B\nx\\u001b[2J\\u000aPROBE  y\n");
}

}  // namespace
}  // namespace probegate
