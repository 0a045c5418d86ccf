// One question to a program that listens on TCP, and its answer.
//
// Threads: any; blocks until there is an answer, or for `patience`.
#pragma once

#include <chrono>
#include <string>

#include "base/endpoint.h"

namespace probegate {

// An answer, or why there is none, in words.
struct Answer {
  bool ok = false;
  std::string text;
};

// Where an answer ends.
enum class AnswerEnd { kLine, kConnection };

// Connects, sends `question`, and reads until the answer's end, or 1 MiB of it. Looking a name up takes as long as the
// system lets it: `patience` is for what follows.
Answer Ask(const Endpoint& where, const std::string& question, AnswerEnd end, std::chrono::milliseconds patience);

}  // namespace probegate
