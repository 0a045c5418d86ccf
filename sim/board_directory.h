// Directories that hold a file for each board.
#pragma once

#include <string>

namespace probegate::sim {

// Creates the directory, and its parents, if it does not exist. Throws std::runtime_error if it cannot.
void MakeDirectory(const std::string& directory);

// The name of a board's file. Since users choose how serial numbers begin, every character that is not an ASCII letter,
// a digit, '-' or '_' is written as %XX, so that a name can neither lead out of the directory nor be a hidden file.
std::string FileNameOf(const std::string& serial, const std::string& extension);

}  // namespace probegate::sim
