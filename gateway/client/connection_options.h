// The options of the client connections that the operator may set.
#pragma once

#include <cstddef>

namespace probegate {

struct ConnectionOptions {
  size_t max_line_bytes = size_t{16} << 20;
  // Requests that are not answered yet.
  size_t max_in_flight = 256;
  // A bound on the bytes of lines that are not answered yet, and a bound of the same size on the bytes of replies that
  // the client has not received. One more line or reply may exceed it.
  size_t max_held_bytes = size_t{8} << 20;
  bool offer_memory_interface = false;
  // Whether writes and locks are answered at once (gateway/client/posting.h).
  bool post = true;
};

}  // namespace probegate
