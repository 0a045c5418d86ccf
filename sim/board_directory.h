// Directories with a file for each board.
#pragma once

#include <string>

namespace probegate::sim {

// Makes it where it is not there, and those above it. Throws std::runtime_error where it cannot.
void MakeDirectory(const std::string& directory);

// Serial numbers begin as the user likes; what is no plain letter is spelled as %XX, so that the name neither leads out
// of the directory nor hides.
std::string FileNameOf(const std::string& serial, const std::string& extension);

}  // namespace probegate::sim
