// Runs the simulated board's program for a test, controls it through its control port, and ends it with the test. A
// test that links Abseil cannot link the board's own code (docs/architecture.md, "Licence").
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace probegate {

class SimProcess {
 public:
  // Starts one board, with these additional flags. Its firmware sleeps: it does not touch RAM, and leaves processor
  // time to the test. Throws std::runtime_error if the program does not start.
  explicit SimProcess(const std::vector<std::string>& flags = {});
  ~SimProcess();
  SimProcess(const SimProcess&) = delete;
  SimProcess& operator=(const SimProcess&) = delete;

  const std::string& serial() const { return serial_; }
  uint16_t port() const { return port_; }

  // The answer to one request (docs/simulator.md, "The control port"). Throws std::runtime_error if the answer is an
  // error.
  nlohmann::json Ask(const nlohmann::json& request);
  // Sends many requests before reading the first answer, and returns the answers. There must not be more requests than
  // the socket's buffers can hold.
  std::vector<nlohmann::json> AskAll(std::span<const nlohmann::json> requests);

 private:
  void Start(const std::string& firmware, const std::vector<std::string>& flags);
  void ReadListeners(int output);
  nlohmann::json NextAnswer();

  pid_t pid_ = -1;
  std::string serial_;
  uint16_t port_ = 0;
  uint16_t control_port_ = 0;
  int control_ = -1;
  std::string received_;
};

}  // namespace probegate
