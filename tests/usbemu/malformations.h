// The ways in which a device's descriptors can be wrong. Each is a row with the text of --help, and a function that
// changes correct descriptors.
#pragma once

#include <string>

#include "tests/usbemu/descriptors.h"

namespace probegate::usbemu {

struct Malformation {
  const char* name;
  const char* help;
  void (*apply)(Descriptors&);
};

// Throws std::invalid_argument if there is none of this name.
const Malformation& FindMalformation(const std::string& name);

std::string MalformationHelp();

}  // namespace probegate::usbemu
