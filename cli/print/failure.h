// How the program ends if something fails. Each failure prints one line and ends the program, so it is thrown, and only
// main catches it.
#pragma once

#include <stdexcept>
#include <string>

namespace probegate {

// For scripts; `probegate --help` lists them.
enum class ExitCode {
  kOk = 0,
  kFailed = 1,       // the operation failed: the target, the probe, a file
  kUsage = 2,        // the arguments make no sense
  kUnreachable = 3,  // the server does not answer, or has another version
  kNotFound = 4,     // no such probe or session
  kBusy = 5,         // the server or the probe is busy
  kAway = 6,         // the probe is away, or was disconnected meanwhile
  kDenied = 7,       // the server does not know who the user is, or does not let them do this
  // Of `exec`, as env(1) and timeout(1) have them.
  kGatewayEnded = 125,  // before the command
  kCannotRun = 126,     // the command was found
  kNoCommand = 127,     // it was not found
};

class Failure : public std::runtime_error {
 public:
  Failure(ExitCode exit_code, const std::string& message) : std::runtime_error(message), code(exit_code) {}
  const ExitCode code;
};

}  // namespace probegate
