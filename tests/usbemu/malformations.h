// The ways in which a device's descriptors can be wrong. Each is a row: what --help says, and what it does to right
// ones.
#pragma once

#include <string>

#include "tests/usbemu/descriptors.h"

namespace probegate::usbemu {

struct Malformation {
  const char* name;
  const char* help;
  void (*apply)(Descriptors&);
};

// Throws std::invalid_argument where there is none of the name.
const Malformation& FindMalformation(const std::string& name);

std::string MalformationHelp();

}  // namespace probegate::usbemu
