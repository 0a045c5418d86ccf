// Looks up a server's name periodically, and reports which addresses it has.
//
// A look-up blocks for as long as the resolver takes, and cannot be cancelled. So each runs on a detached thread of its
// own. A result that arrives after Stop is dropped.
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

// Returns the addresses of a server, each as HOST:PORT. Blocks. Called on any thread, even while the program exits.
using LookUp = std::function<absl::StatusOr<std::vector<std::string>>(const Endpoint& server)>;

// Threads: everything runs on the strand passed to the constructor, including `on_result`.
class NameLookup {
 public:
  using OnResult = std::function<void(absl::StatusOr<std::vector<std::string>> addresses)>;

  // The first look-up begins at Start, and each further one `interval` after the previous result.
  NameLookup(const Strand& strand, Endpoint server, std::chrono::milliseconds interval, LookUp look_up,
             OnResult on_result);
  ~NameLookup() { Stop(); }
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

  void Start();
  // From now on, on_result is not called.
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
