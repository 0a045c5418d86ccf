#include "cli/print/complain.h"

#include <iostream>
#include <sstream>

#include "base/printable.h"

namespace probegate {

void Complain(const std::string& message) {
  std::istringstream lines(message);
  std::string text = "probegate: ";
  std::string line;
  for (const char* gap = ""; std::getline(lines, line); gap = "\n  ") text += gap + Printable(line);
  std::cerr << text + "\n";
}

}  // namespace probegate
