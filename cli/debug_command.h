// Connects this program's standard input and output to a gdb that runs in probegate-debugd.
#pragma once

#include <string>

#include "base/endpoint.h"
#include "base/grpc/client_tls.h"

namespace probegate {

struct DebugArguments {
  Endpoint debugd{"127.0.0.1", 50061};
  std::string probe;
  std::string board = "cortex_m";
  std::string elf;
  std::string interpreter = "console";
  bool upload = false;
  ChannelSecurity security;
};

// Returns gdb's exit code after gdb has ended by itself. Throws a Failure if the session ends in another way.
int RunDebug(const DebugArguments& arguments);

}  // namespace probegate
