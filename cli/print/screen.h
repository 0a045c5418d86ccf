// Standard output for a page that changes. A terminal shows the latest page in place; a file or pipe gets the pages one
// after the other.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/mutex.h"

namespace probegate {

// Threads: Show may be called from one, Restore from any.
class Screen {
 public:
  Screen();
  // Calls Restore.
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // Shows `text`, in which every line ends with a newline. On a terminal it replaces the previous page, on xterm's
  // alternate screen, and is cut to the terminal's current size. Elsewhere pages are separated by a blank line. Returns
  // false if the output is no longer read.
  bool Show(const std::string& text);

  // Restores the terminal. Nothing is shown after this. If a terminal takes no output, this waits for at most a second,
  // and then leaves the terminal as it is. It never waits for a pipe.
  void Restore();

 private:
  const bool is_terminal_;

  Mutex mutex_;
  CondVar shown_now_;
  bool showing_ ABSL_GUARDED_BY(mutex_) = false;  // Show is writing, which may block and happens without the mutex
  bool shown_ ABSL_GUARDED_BY(mutex_) = false;
  bool restored_ ABSL_GUARDED_BY(mutex_) = false;
};

// The number of UTF-8 characters in `text`, each of which counts as one column.
size_t Columns(std::string_view text);

// `text` cut to `lines` lines of at most `columns` columns each.
std::string Cut(const std::string& text, size_t columns, size_t lines);

}  // namespace probegate
