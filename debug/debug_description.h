// What a session would use, as clients are told by GetDebugConfig.
#pragma once

#include <map>
#include <string>

#include "debug/plan.h"

namespace probegate {

struct DebugDescription {
  std::string executable;                                      // the ELF file, or the name of an upload
  std::string toolchain;                                       // its kind
  std::string toolchain_path;                                  // the folder with gdb
  std::string toolchain_prefix;                                // if gdb is called <prefix>-gdb; otherwise empty
  std::string server;                                          // the GDB server's name
  std::string server_path;                                     // the folder with it
  std::map<std::string, std::string> toolchain_configuration;  // gdb (its path), recipe (its name)
  std::map<std::string, std::string> server_configuration;     // probe (its unique ID), command (for people)
};

DebugDescription Describe(const DebugPlan& plan);

}  // namespace probegate
