// The boards behind the devices: a probegate-sim of usbemu's own, which ends with it.
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

  // Starts `program` with so many boards, on free ports of 127.0.0.1, and `flags` besides. Throws std::runtime_error
  // where it does not start.
  SimChild(const std::string& program, unsigned boards, const std::vector<std::string>& flags);
  ~SimChild();
  SimChild(const SimChild&) = delete;
  SimChild& operator=(const SimChild&) = delete;

  pid_t pid() const { return pid_; }
  const std::vector<Board>& boards() const { return boards_; }
  uint16_t control_port() const { return control_port_; }

  // A command of its control port that wants nothing but a board, "plug" or "unplug"; returns when it has taken effect.
  // Throws std::runtime_error where it fails.
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
