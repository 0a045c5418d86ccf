// Looks a server's name up again and again, and tells which addresses it has.
//
// A look-up blocks for as long as the resolver likes, and cannot be taken back. So each runs on a thread of its own,
// that nobody waits for: what it brings when the look-ups have been stopped is dropped.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/endpoint.h"
#include "gateway/net/net.h"

namespace probegate {

// The addresses of a server, HOST:PORT each; blocks. Called on any thread, also when the program is ending.
using LookUp = std::function<absl::StatusOr<std::vector<std::string>>(const Endpoint& server)>;

// Threads: all on the strand that it is given, `on_result` too.
class NameLookup {
 public:
  using OnResult = std::function<void(absl::StatusOr<std::vector<std::string>> addresses)>;

  // Looks up from Start on, and again `interval` after each result.
  NameLookup(const Strand& strand, Endpoint server, std::chrono::milliseconds interval, LookUp look_up,
             OnResult on_result);
  ~NameLookup() { Stop(); }
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

  void Start();
  // on_result is not called any more.
  void Stop();

 private:
  struct Shared;
  void TakeResult(absl::StatusOr<std::vector<std::string>> addresses);

  const Endpoint server_;
  const std::chrono::milliseconds interval_;
  const LookUp look_up_;
  const OnResult on_result_;
  const std::shared_ptr<Shared> shared_;
  Timer timer_;
};

}  // namespace probegate
