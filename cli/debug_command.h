// A stream to probegate-debugd, between this program's standard input and output.
#pragma once

#include <string>

#include "base/endpoint.h"

namespace probegate {

struct DebugArguments {
  Endpoint debugd{"127.0.0.1", 50061};
  std::string probe;
  std::string board = "cortex_m";
  std::string elf;
  std::string interpreter = "console";
  bool upload = false;
};

// gdb's exit code, once it ended by itself. Throws a Failure where the session ended otherwise.
int RunDebug(const DebugArguments& arguments);

}  // namespace probegate
