#include "tests/contract/sim_process.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

extern char** environ;

namespace probegate {
namespace {

// The initial SP and PC, and at that PC a loop around WFI.
constexpr std::array<uint8_t, 12> kFirmware = {0x00, 0x00, 0x04, 0x20, 0x09, 0x00, 0x00, 0x00, 0x30, 0xBF, 0xFD, 0xE7};

std::string WriteFirmware() {
  std::string path = std::filesystem::temp_directory_path() / "probegate-contract-XXXXXX";
  const int file = mkstemp(path.data());
  if (file < 0) throw std::runtime_error("no temporary file");
  close(file);
  const std::string named = path + ".bin";
  std::filesystem::rename(path, named);
  std::ofstream(named, std::ios::binary).write(reinterpret_cast<const char*>(kFirmware.data()), kFirmware.size());
  return named;
}

int Connect(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    close(fd);
    throw std::runtime_error("no connection to the control port");
  }
  return fd;
}

}  // namespace

SimProcess::SimProcess(const std::vector<std::string>& flags) {
  const std::string firmware = WriteFirmware();
  try {
    Start(firmware, flags);
  } catch (...) {
    std::filesystem::remove(firmware);
    throw;
  }
  std::filesystem::remove(firmware);
  control_ = Connect(control_port_);
}

SimProcess::~SimProcess() {
  if (control_ >= 0) close(control_);
  kill(pid_, SIGTERM);
  int status = 0;
  waitpid(pid_, &status, 0);
}

void SimProcess::Start(const std::string& firmware, const std::vector<std::string>& flags) {
  std::array<int, 2> output{};
  if (pipe(output.data()) != 0) throw std::runtime_error("no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, output[0]);
  std::vector<std::string> words = {PROBEGATE_SIM, "--listen", "127.0.0.1:0",     "--control", "127.0.0.1:0",
                                    "--flash",     firmware,   "--serial-prefix", "CONTRACT",  "--quiet"};
  words.insert(words.end(), flags.begin(), flags.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int error = posix_spawn(&pid_, PROBEGATE_SIM, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(output[1]);
  if (error == 0) ReadListeners(output[0]);
  close(output[0]);
  if (error != 0 || control_port_ == 0) throw std::runtime_error("probegate-sim does not start");
}

// Reads until the last line has arrived, or the program has ended.
void SimProcess::ReadListeners(int output) {
  std::string text;
  std::array<char, 256> buffer{};
  for (ssize_t count = 1; count > 0 && control_port_ == 0;) {
    count = read(output, buffer.data(), buffer.size());
    if (count > 0) text.append(buffer.data(), static_cast<size_t>(count));
    const size_t control = text.find("control listening");
    if (control == std::string::npos || text.find('\n', control) == std::string::npos) continue;
    std::array<char, 64> serial{};
    std::sscanf(text.c_str(), "board 0 (%63[^)]) listening on 127.0.0.1:%hu", serial.data(), &port_);
    std::sscanf(text.c_str() + control, "control listening on 127.0.0.1:%hu", &control_port_);
    serial_ = serial.data();
  }
}

nlohmann::json SimProcess::Ask(const nlohmann::json& request) { return AskAll({&request, 1}).front(); }

std::vector<nlohmann::json> SimProcess::AskAll(std::span<const nlohmann::json> requests) {
  std::string lines;
  for (const nlohmann::json& request : requests) lines += request.dump() + '\n';
  if (send(control_, lines.data(), lines.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(lines.size())) {
    throw std::runtime_error("the control port is gone");
  }
  std::vector<nlohmann::json> answers;
  for (size_t i = 0; i < requests.size(); ++i) answers.push_back(NextAnswer());
  return answers;
}

nlohmann::json SimProcess::NextAnswer() {
  size_t end = 0;
  while ((end = received_.find('\n')) == std::string::npos) {
    std::array<char, 1024> buffer{};
    const ssize_t count = recv(control_, buffer.data(), buffer.size(), 0);
    if (count <= 0) throw std::runtime_error("the control port is gone");
    received_.append(buffer.data(), static_cast<size_t>(count));
  }
  nlohmann::json answer = nlohmann::json::parse(received_.substr(0, end));
  received_.erase(0, end + 1);
  if (!answer.at("ok").get<bool>()) throw std::runtime_error(answer.dump());
  return answer;
}

}  // namespace probegate
