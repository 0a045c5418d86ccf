// Standard output, for something that changes: a terminal shows the latest in place, anything else gets one after the
// other.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/mutex.h"

namespace probegate {

// Threads: one shows, any restores.
class Screen {
 public:
  Screen();
  // Restores.
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // Shows `text`, whose lines end with a newline. On a terminal it takes the place of what was there, on a screen of
  // its own (xterm's alternate one), and is cut to the terminal's size of this moment. Elsewhere a blank line stands
  // between one and the next. False where nobody reads any more.
  bool Show(const std::string& text);

  // Gives the terminal back as it was. Nothing is shown after this. Never waits for a reader of anything but a
  // terminal, and for a terminal that takes no output no longer than a second: then it stays as it is.
  void Restore();

 private:
  const bool is_terminal_;

  Mutex mutex_;
  CondVar shown_now_;
  bool showing_ ABSL_GUARDED_BY(mutex_) = false;  // its writing may block, and is outside the mutex
  bool shown_ ABSL_GUARDED_BY(mutex_) = false;
  bool restored_ ABSL_GUARDED_BY(mutex_) = false;
};

// How many characters `text` has, UTF-8's, each a column.
size_t Columns(std::string_view text);

// `text` cut to so many lines, and columns a line.
std::string Cut(const std::string& text, size_t columns, size_t lines);

}  // namespace probegate
