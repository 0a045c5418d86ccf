// Rows of text in columns that line up.
#pragma once

#include <string>
#include <vector>

namespace probegate {

// Each row a line; the last column is not padded. Cells are made printable (base/printable.h).
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace probegate
