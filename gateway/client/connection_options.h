// What the operator may set for each client's connection.
#pragma once

#include <cstddef>

namespace probegate {

struct ConnectionOptions {
  size_t max_line_bytes = size_t{16} << 20;
  // Requests that are not answered yet.
  size_t max_in_flight = 256;
  // Bytes of lines that are not answered yet, and of replies that the client has not taken, each: one more may exceed
  // it.
  size_t max_held_bytes = size_t{8} << 20;
  bool offer_memory_interface = false;
  // Whether writes and locks are answered at once (gateway/client/posting.h).
  bool post = true;
};

}  // namespace probegate
