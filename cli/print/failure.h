// How the program ends when something does not work. Every failure of this program is one line and its end, so it is
// thrown, and caught in main alone.
#pragma once

#include <stdexcept>
#include <string>

namespace probegate {

// For scripts; `probegate --help` lists them.
enum class ExitCode {
  kOk = 0,
  kFailed = 1,       // the operation failed: the target, the probe, a file
  kUsage = 2,        // the arguments make no sense
  kUnreachable = 3,  // no server there, or one of another version
  kNotFound = 4,     // no such probe or session
  kBusy = 5,         // the server or the probe is taken up
  kAway = 6,         // the probe is away, or went
};

class Failure : public std::runtime_error {
 public:
  Failure(ExitCode exit_code, const std::string& message) : std::runtime_error(message), code(exit_code) {}
  const ExitCode code;
};

}  // namespace probegate
