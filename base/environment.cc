#include "base/environment.h"

#include <cstdlib>

namespace probegate {

std::string VariableOfProcess(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value != nullptr ? value : "";
}

}  // namespace probegate
