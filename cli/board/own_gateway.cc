#include "cli/board/own_gateway.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "cli/print/complain.h"
#include "cli/print/failure.h"

namespace probegate {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr char kLoopback[] = "127.0.0.1";

// A line of the gateway's log (docs/logs.md).
class LogLine {
 public:
  explicit LogLine(const std::string& json) { (void)google::protobuf::util::JsonStringToMessage(json, &fields_); }

  std::string Text(const std::string& field) const { return Value(field).string_value(); }
  double Number(const std::string& field) const { return Value(field).number_value(); }

 private:
  google::protobuf::Value Value(const std::string& field) const {
    const auto found = fields_.fields().find(field);
    return found == fields_.fields().end() ? google::protobuf::Value() : found->second;
  }
  google::protobuf::Struct fields_;
};

// For people to read.
std::string Describe(const LogLine& line) {
  const std::string message = line.Text("message");
  if (!message.empty()) return message;
  const std::string reason = line.Text("reason");
  return line.Text("event") + (reason.empty() ? "" : ": " + reason);
}

std::vector<std::string> WordsOf(const OwnGatewayOptions& options, const fs::path& folder) {
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path() / "probegate-gateway";
  std::vector<std::string> words{program.string(),   "--own-user-only",
                                 "--no-wait",        "--uid",
                                 options.probe,      "--whole-uid",
                                 "--port",           std::to_string(options.port),
                                 "--state",          folder.string(),
                                 "--metrics-listen", "none",
                                 "--log-format",     "json"};
  for (const Endpoint& server : options.servers) words.insert(words.end(), {"--server", server.ToString()});
  words.insert(words.end(), options.client_words.begin(), options.client_words.end());
  return words;
}

}  // namespace

OwnGateway::Folder::Folder() {
  std::string name = (fs::temp_directory_path() / "probegate-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw Failure(ExitCode::kFailed,
                  "cannot make a folder like " + name + ": " + std::generic_category().message(errno));
  }
  path = name;
}

OwnGateway::Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

OwnGateway::Pipe::Pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw Failure(ExitCode::kFailed, "cannot make a pipe: " + std::generic_category().message(errno));
  }
  read = ends[0];
  write = ends[1];
}

OwnGateway::OwnGateway(const OwnGatewayOptions& options) : OwnGateway(options, Pipe()) {}

OwnGateway::OwnGateway(const OwnGatewayOptions& options, Pipe pipe) : output_(pipe.read) {
  const FileDescriptor gateways_end(pipe.write);
  try {
    const ChildCommand command{.words = WordsOf(options, folder_.path), .environment = {}, .blocked = options.blocked};
    child_.emplace(command, gateways_end.number());
  } catch (const std::system_error& error) {
    throw Failure(ExitCode::kFailed, error.what() + std::string("; it is installed with probegate"));
  }
}

OwnGateway::~OwnGateway() {
  child_->Signal(SIGTERM);
  // It must not wait for a full pipe. If it does not end in time, because it is stopped or has a fault, it is killed.
  const auto deadline = steady_clock::now() + Child::kPatience;
  bool running = true;
  while (running) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    pollfd readable{.fd = output(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&readable, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready < 0) continue;
    if (left <= 0 || ready == 0) child_->Signal(SIGKILL);
    running = TakeOutput();
  }
}

bool OwnGateway::TakeOutput() {
  char part[4096];
  const ssize_t size = ::read(output_.number(), part, sizeof part);
  if (size < 0 && errno == EINTR) return true;
  if (size <= 0) {
    const int code = child_->Wait();
    if (reason_.empty()) reason_ = "it ended with exit code " + std::to_string(code);
    return false;
  }
  unfinished_.append(part, static_cast<size_t>(size));
  for (size_t end = 0; (end = unfinished_.find('\n')) != unfinished_.npos; unfinished_.erase(0, end + 1)) {
    TakeLine(unfinished_.substr(0, end));
  }
  return true;
}

void OwnGateway::TakeLine(const std::string& text) {
  const LogLine line(text);
  if (line.Text("event") == "probe.served") {
    address_ = {kLoopback, static_cast<uint16_t>(line.Number("port"))};
  } else if (line.Text("level") == "error") {
    reason_ = Describe(line);
  } else if (line.Text("level") == "warning") {
    Complain("gateway: " + Describe(line));
  }
}

}  // namespace probegate
