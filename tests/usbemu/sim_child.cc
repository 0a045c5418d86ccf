#include "tests/usbemu/sim_child.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <stdexcept>

#include "nlohmann/json.hpp"

namespace probegate::usbemu {

SimChild::SimChild(const std::string& program, unsigned boards, const std::vector<std::string>& flags) {
  try {
    Start(program, boards, flags);
    Connect();
  } catch (...) {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    throw;
  }
}

SimChild::~SimChild() {
  close(control_);
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

void SimChild::Start(const std::string& program, unsigned boards, const std::vector<std::string>& flags) {
  std::vector<std::string> words = {program,     "--listen",    "127.0.0.1:0", "--boards", std::to_string(boards),
                                    "--control", "127.0.0.1:0", "--quiet"};
  words.insert(words.end(), flags.begin(), flags.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  std::array<int, 2> output{};
  if (pipe(output.data()) != 0) throw std::runtime_error("no pipe");
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    // Ctrl-C in a terminal is for the program. The simulator ends after the program.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    dup2(output[1], STDOUT_FILENO);
    close(output[0]);
    close(output[1]);
    execv(program.c_str(), argv.data());
    std::perror(program.c_str());
    _exit(127);
  }
  close(output[1]);
  if (pid_ > 0) ReadListeners(output[0], boards);
  close(output[0]);
  if (control_port_ == 0) throw std::runtime_error(program + " does not start");
}

// Reads until the last line has arrived, or the simulator has ended.
void SimChild::ReadListeners(int output, unsigned boards) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (text.find("control listening on") == std::string::npos || text.back() != '\n') {
    const ssize_t count = read(output, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    text.append(buffer.data(), static_cast<size_t>(count));
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::array<char, 128> serial{};
    uint16_t port = 0;
    if (std::sscanf(line.c_str(), "board %*u (%127[^)]) listening on 127.0.0.1:%hu", serial.data(), &port) == 2) {
      boards_.push_back({serial.data(), port});
    }
    std::sscanf(line.c_str(), "control listening on 127.0.0.1:%hu", &control_port_);
  }
  if (boards_.size() != boards) control_port_ = 0;
}

void SimChild::Connect() {
  control_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(control_port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(control_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    close(control_);
    throw std::runtime_error("no connection to the simulator's control port");
  }
}

void SimChild::Command(const std::string& command, size_t board) {
  const std::string line = nlohmann::json{{"command", command}, {"board", board}}.dump() + '\n';
  std::string answer;
  bool alive = send(control_, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size());
  while (alive && (answer.empty() || answer.back() != '\n')) {
    std::array<char, 1024> buffer{};
    const ssize_t count = recv(control_, buffer.data(), buffer.size(), 0);
    alive = count > 0;
    if (alive) answer.append(buffer.data(), static_cast<size_t>(count));
  }
  const nlohmann::json parsed = nlohmann::json::parse(answer, nullptr, false);
  if (!parsed.is_object() || !parsed.value("ok", false)) {
    throw std::runtime_error("the simulator does not " + command + " board " + std::to_string(board) + ": " + answer);
  }
}

}  // namespace probegate::usbemu
