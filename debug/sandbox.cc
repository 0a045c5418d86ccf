#include "debug/sandbox.h"

#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

namespace probegate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{5};
constexpr std::string_view kReady = "The namespaces belong to process ";
constexpr std::string_view kErrorPrefix = "probegate-launch: ";

std::vector<std::string> Launcher(const std::string& launcher, const std::string& work) {
  return {launcher, "--parent", std::to_string(::getpid()), "--work", work};
}

// Reads up to the end of a line or of the output. False if neither came in time.
bool ReadLine(const FileDescriptor& output, std::string& line) {
  const Clock::time_point until = Clock::now() + kPatience;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd file{.fd = output.number(), .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&file, 1, static_cast<int>(left)) == 0) return false;
    char byte = 0;
    while (true) {
      const ssize_t got = ::read(output.number(), &byte, 1);
      if (got == 0 || (got > 0 && byte == '\n')) return true;
      if (got < 0) break;
      line += byte;
    }
  }
}

std::optional<pid_t> FirstProcess(std::string_view line) {
  if (!line.starts_with(kReady)) return std::nullopt;
  line.remove_prefix(kReady.size());
  pid_t first = 0;
  const auto number = std::from_chars(line.data(), line.data() + line.size(), first);
  return number.ec == std::errc() && first > 0 ? std::optional(first) : std::nullopt;
}

std::string WhatFailed(std::string_view line) {
  if (line.starts_with(kErrorPrefix)) line.remove_prefix(kErrorPrefix.size());
  return line.empty() ? "no reason was given" : std::string(line);
}

}  // namespace

absl::StatusOr<Sandbox> Sandbox::Start(const std::string& launcher, const std::string& work, const std::string& group,
                                       uint16_t port) {
  auto pipe = MakePipe();
  if (!pipe.ok()) return pipe.status();
  ProcessCommand command{.words = Launcher(launcher, work), .environment = {}, .directory = "/"};
  for (const std::string& word :
       {std::string("--forward"), std::to_string(port), std::string("--folder-bytes"), std::to_string(kFolderBytes)}) {
    command.words.push_back(word);
  }
  if (!group.empty()) command.words.insert(command.words.end(), {"--group", group});
  auto process = Process::Start(command, -1, pipe->write.number());
  if (!process.ok()) return process.status();
  // Otherwise the end of its output would not be seen.
  ::close(pipe->write.Release());
  std::string line;
  if (!ReadLine(pipe->read, line)) return absl::UnavailableError("creating the session's namespaces took too long");
  const auto first = FirstProcess(line);
  if (!first) return absl::UnavailableError(WhatFailed(line));
  return Sandbox(*std::move(process), std::move(pipe->read), *first);
}

absl::Status TrySandbox(const std::string& launcher, const std::string& work) {
  constexpr uint16_t kAnyPort = 4441;  // nothing uses it: the sandbox's loopback interface is its own
  const auto sandbox = Sandbox::Start(launcher, work, "", kAnyPort);
  if (!sandbox.ok()) return sandbox.status();
  auto pipe = MakePipe();
  if (!pipe.ok()) return pipe.status();
  ProcessCommand command{.words = Launcher(launcher, work), .environment = {}, .directory = "/"};
  for (const char* word : {"--confined", "--read", "/usr", "--read", "/bin", "--read", "/lib", "--read", "/lib64",
                           "--read", "/etc/ld.so.cache", "--enter"}) {
    command.words.emplace_back(word);
  }
  for (const std::string& word : {std::to_string(sandbox->first()), std::string("--"), std::string("/bin/true")}) {
    command.words.push_back(word);
  }
  auto program = Process::Start(command, -1, pipe->write.number());
  if (!program.ok()) return program.status();
  ::close(pipe->write.Release());
  std::string line;
  pollfd ended{.fd = program->pidfd(), .events = POLLIN, .revents = 0};
  if (!ReadLine(pipe->read, line) ||
      ::poll(&ended, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) <= 0) {
    return absl::UnavailableError("running a program in namespaces took too long");
  }
  const auto end = program->TryWait();
  if (end && !end->by_signal && end->number == 0) return absl::OkStatus();
  return absl::UnavailableError(line.empty() && end ? "a program in namespaces " + end->ToString() : WhatFailed(line));
}

}  // namespace probegate
