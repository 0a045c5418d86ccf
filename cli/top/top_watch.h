// The fleet, asked again and again: what `probegate top` shows of it.
//
// A look asks all servers at once and waits for their answers, but not long: one whose answer is late is a problem from
// then on, and later looks do not wait for it, until it answers again. The names are looked up again every
// kLookupInterval (base/server_list.h), in the background too.
#pragma once

#include <chrono>
#include <future>
#include <list>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/server_list.h"
#include "cli/top/server_poll.h"
#include "cli/top/top.h"

namespace probegate {

// Threads: one.
class TopWatch {
 public:
  // Looks the names up, and for a first time at their servers; waits until one has answered, and some time for the
  // others. Throws the failure where none does. Of the probes only `probe` counts, a unique id, where that is not
  // empty.
  TopWatch(std::vector<Endpoint> names, std::string probe);
  // Waits for what is outstanding, which ServerClient and the system's resolver bound.
  ~TopWatch() = default;

  void Look();

  // What the last look saw: of the servers that answered.
  Top Seen() const;
  // Whether one of those had answered before, so that there are rates.
  bool has_rates() const;
  // Why others are missing: a line for each, without its end.
  std::vector<std::string> Problems() const;
  size_t server_count() const { return polls_.size(); }

 private:
  using Clock = ServerPoll::Clock;

  void LookUpAgain();
  void Take(const ServerLookup& lookup);

  const std::vector<Endpoint> names_;
  const std::string probe_;
  std::vector<Server> servers_;
  std::vector<FailedName> failed_names_;
  std::list<ServerPoll> polls_;    // of `servers_`, in their order
  std::list<ServerPoll> leaving_;  // that are no servers any more, until their answers have come
  Clock::time_point looked_up_;
  std::future<ServerLookup> lookup_;
};

}  // namespace probegate
