// The simulated board as the program that it is: started for a test, told what to do through its control port, ended
// with the test. A test that links Abseil cannot link what the board is made of (docs/architecture.md, "Licence").
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
  // One board, whose program sleeps: it leaves RAM alone, and processor time to the test. Throws std::runtime_error if
  // it does not start.
  SimProcess();
  ~SimProcess();
  SimProcess(const SimProcess&) = delete;
  SimProcess& operator=(const SimProcess&) = delete;

  const std::string& serial() const { return serial_; }
  uint16_t port() const { return port_; }

  // The answer to one request (docs/simulator.md, "The control port"). Throws std::runtime_error where it is an error.
  nlohmann::json Ask(const nlohmann::json& request);
  // The answers to many requests, which are sent before the first is answered: as many as a socket's buffers hold.
  std::vector<nlohmann::json> AskAll(std::span<const nlohmann::json> requests);

 private:
  void Start(const std::string& firmware);
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
