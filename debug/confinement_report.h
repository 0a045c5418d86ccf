// What is left open to a session's programs on this kernel, for the log. docs/debugging.md says what closes it.
#pragma once

#include <string>

namespace probegate {

struct ConfinementReport {
  int landlock = 0;         // the kernel's version of Landlock; 0: none
  bool namespaces = false;  // each session has a sandbox (debug/sandbox.h)
  bool root = false;        // the programs run as root, whose threads RLIMIT_NPROC does not count
  // Each session has a control group (debug/session_groups.h) that limits this.
  bool memory = false;
  bool threads = false;
  bool processors = false;

  // One text for each thing that is open, separated by "; ".
  std::string Open() const;
};

}  // namespace probegate
