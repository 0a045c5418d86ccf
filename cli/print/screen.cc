#include "cli/print/screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace probegate {
namespace {

using Clock = std::chrono::steady_clock;

// How long to wait for a terminal that takes no output, for example after Ctrl-S.
constexpr std::chrono::milliseconds kPatience{500};

// ECMA-48 control sequences, and xterm's private modes.
constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l";  // the alternate screen, without a cursor
constexpr char kLeave[] = "\x1b[?25h\x1b[?1049l";
constexpr char kHome[] = "\x1b[H";
constexpr char kEndOfLine[] = "\x1b[K\r\n";  // clears the rest of the line
constexpr char kEndOfScreen[] = "\x1b[J";

bool BeginsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }

bool Write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// Writes one byte at a time, each once there is room for it, so that no write blocks. At the deadline the rest is
// dropped.
void WriteUntil(Clock::time_point deadline, std::string_view text) {
  for (const char& c : text) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd room{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
    if (poll(&room, 1, static_cast<int>(std::max<int64_t>(left.count(), 0))) != 1) return;
    if (!Write({&c, 1})) return;
  }
}

std::string InPlace(const std::string& text) {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    size = {.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  }
  std::string sequence = kHome;
  // The last line stays empty, because a newline at its end would scroll the screen.
  for (const char c : Cut(text, size.ws_col, size.ws_row - 1U)) {
    if (c == '\n') {
      sequence += kEndOfLine;
    } else {
      sequence += c;
    }
  }
  return sequence + kEndOfScreen;
}

}  // namespace

size_t Columns(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), BeginsCharacter));
}

std::string Cut(const std::string& text, size_t columns, size_t lines) {
  std::string cut;
  size_t column = 0;
  size_t line = 0;
  for (const char c : text) {
    if (line == lines) break;
    if (c == '\n') {
      cut += c;
      column = 0;
      ++line;
      continue;
    }
    if (BeginsCharacter(c)) ++column;
    if (column <= columns) cut += c;
  }
  return cut;
}

Screen::Screen() : is_terminal_(isatty(STDOUT_FILENO) != 0) {}

Screen::~Screen() { Restore(); }

bool Screen::Show(const std::string& text) {
  bool first = false;
  {
    MutexLock lock(mutex_);
    if (restored_) return false;
    first = !shown_;
    shown_ = showing_ = true;
  }
  const bool written = is_terminal_ ? Write((first ? kEnter : "") + InPlace(text)) : Write((first ? "" : "\n") + text);
  MutexLock lock(mutex_);
  showing_ = false;
  shown_now_.NotifyAll();
  return written;
}

void Screen::Restore() {
  const Clock::time_point deadline = Clock::now() + kPatience;
  {
    MutexLock lock(mutex_);
    if (restored_) return;
    restored_ = true;
    if (!is_terminal_ || !shown_) return;
    while (showing_ && shown_now_.WaitUntil(mutex_, deadline)) {
    }
  }
  WriteUntil(deadline + kPatience, kLeave);
}

}  // namespace probegate
