// Splits a stream of bytes into lines.
//
// A line ends with LF. A CR is an ordinary character, which JSON treats as white space. The length of a line is
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
  // `max_line_bytes` does not include the LF, and is at least 1.
  explicit LineFramer(size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  struct Space {
    char* data;
    size_t size;
  };
  // Where to put the bytes that arrive next; never empty. Invalidates the lines that Next has returned.
  Space Prepare();
  // Gives back the buffer of a long line that Next has returned, and which is no longer used.
  void Shorten();
  // The bytes of memory that the framer holds, and that it will hold after Prepare.
  size_t capacity() const { return capacity_; }
  size_t NextCapacity() const;
  // `size` bytes have been put there.
  void Commit(size_t size);

  // The next complete line, without its LF; nothing if none has arrived. Valid until Prepare.
  std::optional<std::string_view> Next();

  // What has arrived of a line that Next has not returned. Valid until Prepare.
  std::string_view unfinished() const { return {buffer_.get() + begin_, end_ - begin_}; }

  // To be called at the end of the stream: what came after the last LF; nothing if the stream ended with an LF.
  std::optional<std::string_view> TakeRest();

  // A line has exceeded the bound. Once true, it stays true, and no more lines are returned.
  bool too_long() const { return too_long_; }

 private:
  void Reserve(size_t size);
  bool NeedsAnother(size_t kept) const;

  const size_t max_line_bytes_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  size_t begin_ = 0;    // of the first line that Next has not returned
  size_t scanned_ = 0;  // there is no LF between begin_ and here
  size_t end_ = 0;
  bool too_long_ = false;
};

}  // namespace probegate
