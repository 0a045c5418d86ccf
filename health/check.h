// Whether a program is well, by what it says itself.
//
// Threads: any; each blocks for as long as health/ask.h says.
#pragma once

#include <chrono>
#include <string>

#include "base/endpoint.h"

namespace probegate {

struct Health {
  bool well = false;
  // What it said, or why it said nothing: one line of at most some 1000 characters, all of them printable ASCII, for it
  // goes to terminals and into what a container's engine keeps.
  std::string why;
};

// By HTTP: it is well where the status is 200. For /readyz and /healthz of our programs, and for others'.
Health CheckHttp(const Endpoint& where, const std::string& path, std::chrono::milliseconds patience);

// By the control port of probegate-sim (docs/simulator.md): it is well where each board's thread answers.
Health CheckSim(const Endpoint& control, std::chrono::milliseconds patience);

}  // namespace probegate
