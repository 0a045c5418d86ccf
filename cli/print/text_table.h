// A table of text with aligned columns.
#pragma once

#include <string>
#include <vector>

namespace probegate {

// Each row becomes one line. The last column is not padded. Cells are made printable (base/printable.h).
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace probegate
