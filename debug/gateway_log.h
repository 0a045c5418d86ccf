// What a session learns from the log that its gateway prints (docs/logs.md, the JSON format): the port on which the
// gateway serves the probe, and why the GDB server lost it.
//
// Threads: one at a time.
#pragma once

#include <optional>
#include <string>

namespace probegate {

// The text in the line that the gateway prints once it serves the probe, for MatchPort (debug/stage.h).
inline constexpr char kGatewayPort[] = "\"port\":{port}";

class GatewayLog {
 public:
  // The reason, if `line` says that the GDB server's session is lost. The GDB server's session is the first one that
  // the log says was opened; other clients may use the gateway's port, too.
  std::optional<std::string> ReadLoss(const std::string& line);

 private:
  std::string gdb_server_session_;  // its ID on the probegate-server; empty until it is known
};

}  // namespace probegate
