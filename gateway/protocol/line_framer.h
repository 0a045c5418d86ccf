// Bytes into lines.
//
// A line ends with LF; a CR is an ordinary character, which JSON takes for white space. The length of a line is
// bounded, so that a client that never sends an LF costs a bounded amount of memory.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace probegate {

class LineFramer {
 public:
  // `max_line_bytes` counts without the LF, and is at least 1.
  explicit LineFramer(size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  struct Space {
    char* data;
    size_t size;
  };
  // Where to put what arrives next: never empty. Invalidates the lines handed out before.
  Space Prepare();
  // `size` bytes have been put there.
  void Commit(size_t size);

  // The next whole line, without its LF; nothing where none has arrived. Valid until Prepare.
  std::optional<std::string_view> Next();

  // What came after the last LF, at the end of the stream; nothing where the stream ended with an LF.
  std::optional<std::string_view> TakeRest();

  // The line that is arriving has exceeded the bound. It stays so.
  bool too_long() const { return too_long_; }

 private:
  void Reserve(size_t size);

  const size_t max_line_bytes_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  size_t begin_ = 0;    // of the first line not handed out
  size_t scanned_ = 0;  // no LF between begin_ and here
  size_t end_ = 0;
  bool too_long_ = false;
};

}  // namespace probegate
