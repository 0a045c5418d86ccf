// Asks a program whether it is healthy.
//
// Threads: any. Each function blocks for as long as Ask does (health/ask.h).
#pragma once

#include <chrono>
#include <string>

#include "base/endpoint.h"

namespace probegate {

struct Health {
  bool well = false;
  // What the program answered, or why there is no answer: one line of at most about 1000 characters. All of them are
  // printable ASCII, because the line goes to terminals and is stored by the container engine.
  std::string why;
};

// Over HTTP: the program is healthy if the status is 200. For /readyz and /healthz of Probegate's programs and of
// others.
Health CheckHttp(const Endpoint& where, const std::string& path, std::chrono::milliseconds patience);

// Over the control port of probegate-sim (docs/simulator.md): it is healthy if the threads of all boards answer.
Health CheckSim(const Endpoint& control, std::chrono::milliseconds patience);

}  // namespace probegate
