// The environment of this process.
#pragma once

#include <string>

namespace probegate {

// The value of a variable; empty if it is not set. Threads: any, while none changes the environment.
std::string VariableOfProcess(const std::string& name);

}  // namespace probegate
