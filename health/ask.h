// Sends a question to a program that listens on TCP, and reads its answer.
//
// Threads: any. Blocks until there is an answer, at most for `patience`.
#pragma once

#include <chrono>
#include <string>

#include "base/endpoint.h"

namespace probegate {

// An answer, or the reason why there is none.
struct Answer {
  bool ok = false;
  std::string text;
};

// What ends an answer: the end of the line, or of the connection.
enum class AnswerEnd { kLine, kConnection };

// Connects, sends `question`, and reads until the end of the answer, at most 1 MiB. Looking up the host's name may take
// as long as the system allows; `patience` is for what comes after that.
Answer Ask(const Endpoint& where, const std::string& question, AnswerEnd end, std::chrono::milliseconds patience);

}  // namespace probegate
