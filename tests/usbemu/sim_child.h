// The devices' boards: usbemu's own probegate-sim, which ends with usbemu.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace probegate::usbemu {

class SimChild {
 public:
  struct Board {
    std::string serial;
    uint16_t port = 0;
  };

  // Starts `program` with this many boards, on free ports of 127.0.0.1, and with `flags`. Throws std::runtime_error if
  // it does not start.
  SimChild(const std::string& program, unsigned boards, const std::vector<std::string>& flags);
  ~SimChild();
  SimChild(const SimChild&) = delete;
  SimChild& operator=(const SimChild&) = delete;

  pid_t pid() const { return pid_; }
  const std::vector<Board>& boards() const { return boards_; }
  uint16_t control_port() const { return control_port_; }

  // Sends a command to the simulator's control port whose only argument is a board: "plug" or "unplug". Returns when it
  // has taken effect. Throws std::runtime_error if it fails.
  void Command(const std::string& command, size_t board);

 private:
  void Start(const std::string& program, unsigned boards, const std::vector<std::string>& flags);
  void ReadListeners(int output, unsigned boards);
  void Connect();

  pid_t pid_ = -1;
  std::vector<Board> boards_;
  uint16_t control_port_ = 0;
  int control_ = -1;
};

}  // namespace probegate::usbemu
