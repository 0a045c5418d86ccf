// The replies that a client has not been sent yet, and how they get into its socket.
//
// What is being written and what comes next are two strings that swap places: nothing is copied, and appending never
// moves bytes that the kernel is about to take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "gateway/net/net.h"

namespace probegate {

// Threads: the socket's strand. Never blocks.
class ReplyWriter {
 public:
  // `socket` does not block, and outlives the writer. has_room explains `max_unsent_bytes`.
  ReplyWriter(Socket& socket, size_t max_unsent_bytes) : socket_(socket), max_unsent_bytes_(max_unsent_bytes) {}

  // Where to append replies; nothing is sent before Write.
  std::string& out() { return out_; }

  size_t UnsentBytes() const { return out_.size() + writing_.size() - written_; }
  // The memory that the replies take, and what is kept for the next ones.
  size_t held_bytes() const { return out_.capacity() + writing_.capacity(); }
  // Whether another reply may be appended. To be called before appending; the last reply may exceed the bound.
  bool has_room() const { return UnsentBytes() < max_unsent_bytes_; }

  enum class Result : uint8_t {
    kAllSent,
    kFull,    // the socket takes no more for now: call Write again when it can be written to
    kFailed,  // the connection is gone
  };
  Result Write();

 private:
  Socket& socket_;
  const size_t max_unsent_bytes_;
  std::string out_;      // to be written next
  std::string writing_;  // being written
  size_t written_ = 0;   // of writing_
};

}  // namespace probegate
