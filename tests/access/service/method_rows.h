// A table of rights against the methods that a program serves.
#pragma once

#include <set>
#include <string>

#include "absl/types/span.h"
#include "access/service/method_rights.h"
#include "gtest/gtest.h"

namespace probegate {

// Each of these paths of methods has one row, and there are no other rows. `where` is the file with the table.
inline void ExpectARowForEach(const std::set<std::string>& methods, absl::Span<const MethodRow> table,
                              const std::string& where) {
  for (const std::string& method : methods) {
    EXPECT_NE(FindMethodRow(table, method), nullptr)
        << method << " has no row in " << where << ", so nobody may call it";
  }
  std::set<std::string> rows;
  for (const MethodRow& row : table) {
    EXPECT_TRUE(rows.insert(std::string(row.method)).second) << row.method << " has two rows";
    EXPECT_TRUE(methods.contains(std::string(row.method))) << row.method << " is no method";
  }
}

}  // namespace probegate
