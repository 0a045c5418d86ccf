#include "debug/stage.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace probegate {

std::optional<uint16_t> MatchPort(const std::string& line, const std::string& pattern) {
  constexpr std::string_view kPort = "{port}";
  const size_t hole = pattern.find(kPort);
  if (hole == std::string::npos) return std::nullopt;
  const size_t at = line.find(std::string_view(pattern).substr(0, hole));
  if (at == std::string::npos) return std::nullopt;
  uint16_t port = 0;
  const char* const end = line.data() + line.size();
  const auto number = std::from_chars(line.data() + at + hole, end, port);
  if (number.ec != std::errc() || port == 0) return std::nullopt;
  const std::string_view rest(number.ptr, static_cast<size_t>(end - number.ptr));
  if (!rest.starts_with(std::string_view(pattern).substr(hole + kPort.size()))) return std::nullopt;
  return port;
}

void LineTail::Add(std::string_view bytes, const std::function<void(const std::string&)>& on_line) {
  for (const char c : bytes) {
    if (c != '\n') {
      if (open_.size() < kLineBytes) open_ += c;
      continue;
    }
    if (on_line) on_line(open_);
    lines_.push_back(std::move(open_));
    open_.clear();
    if (lines_.size() > kLines) lines_.pop_front();
  }
}

std::string LineTail::Text() const {
  constexpr size_t kShown = 256;
  std::string text;
  for (const std::string& line : lines_) text += line.substr(0, kShown) + "\n";
  text += open_.substr(0, kShown);
  while (text.ends_with('\n')) text.pop_back();
  for (char& c : text) {
    if (c != '\n' && (c < ' ' || c > '~')) c = '?';
  }
  return text;
}

absl::StatusOr<Stage> Stage::Start(const char* name, const ProcessCommand& command, std::string ready, int input) {
  auto pipe = MakePipe();
  if (!pipe.ok()) return pipe.status();
  auto process = Process::Start(command, input, pipe->write.number());
  if (!process.ok()) return process.status();
  return Stage(name, *std::move(process), std::move(pipe->read), std::move(ready));
}

bool Stage::Read(std::string& bytes) {
  bytes.clear();
  if (!open_) return false;
  bytes.resize(size_t{64} << 10);
  const ssize_t got = ::read(output_.number(), bytes.data(), bytes.size());
  bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return true;
  // Otherwise poll(2) would return at once every time for as long as the program lives on.
  open_ = false;
  return false;
}

void Stage::Look(std::string_view bytes, const std::function<void(const std::string&)>& on_line) {
  tail_.Add(bytes, [&](const std::string& line) {
    if (!port_ && !ready_.empty()) port_ = MatchPort(line, ready_);
    if (on_line) on_line(line);
  });
}

void Stage::End(int signal, std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  process_.Signal(signal);
  const Clock::time_point until = Clock::now() + patience;
  std::string dropped;
  while (!process_.TryWait()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) break;
    pollfd files[] = {{.fd = process_.pidfd(), .events = POLLIN}, {.fd = output(), .events = POLLIN}};
    ::poll(files, 2, static_cast<int>(left));
    if (files[1].revents != 0) Read(dropped);
  }
}

}  // namespace probegate
