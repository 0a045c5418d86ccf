// The options of the client connections.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace probegate {

struct ConnectionOptions {
  size_t max_line_bytes = size_t{16} << 20;
  // Requests that are not answered yet.
  size_t max_in_flight = 256;
  // A bound on the bytes of lines that are not answered yet, and of replies that wait for earlier ones. One more line
  // may exceed it.
  size_t max_held_bytes = size_t{8} << 20;
  // A bound on the replies that the client has not received. One more may exceed it.
  size_t max_unsent_bytes = size_t{1} << 20;
  bool offer_memory_interface = false;
  // Whether writes and locks are answered at once (gateway/client/posting.h).
  bool post = true;
  // What servers are told of the client, if this gateway serves one client of another program: its address (HOST:PORT),
  // instead of that of the connection, and its user. Empty: nothing.
  std::string client_address;
  std::string client_user;

  // A client is ended if its first line is not complete after this time,
  std::chrono::milliseconds first_line_time{10'000};
  // or a later line after this time,
  std::chrono::milliseconds line_time{60'000};
  // or if it receives nothing for this time although replies are waiting.
  std::chrono::milliseconds unread_time{60'000};
};

}  // namespace probegate
