// Asks the whole fleet repeatedly, for `probegate top`.
//
// A look asks all servers at once, and waits briefly for their answers. If a server's answer is late, that is reported
// as a problem, and later looks do not wait for this server until it answers again. The names are looked up again every
// kLookupInterval (base/server_list.h), also in the background.
#pragma once

#include <chrono>
#include <future>
#include <list>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/grpc/client_tls.h"
#include "base/labels.h"
#include "base/server_list.h"
#include "cli/top/server_poll.h"
#include "cli/top/top.h"

namespace probegate {

// Threads: one.
class TopWatch {
 public:
  // Looks up the names, and asks their servers for the first time. Waits until one has answered, and some time for the
  // others; `security` is that of the connections. If none answers, throws the failure. If `probe`, a unique ID, is not
  // empty, only that probe is shown, and only probes that have all of `labels`.
  TopWatch(std::vector<Endpoint> names, ChannelSecurity security, std::string probe, Labels labels);
  // Waits for outstanding answers and look-ups, for as long as ServerClient and the system's resolver allow.
  ~TopWatch() = default;

  void Look();

  // The result of the last look, of the servers that answered.
  Top Seen() const;
  // Whether one of these servers had answered before, so that rates are known.
  bool has_rates() const;
  // Why other servers are missing: one line for each, without a newline.
  std::vector<std::string> Problems() const;
  size_t server_count() const { return polls_.size(); }

 private:
  using Clock = ServerPoll::Clock;

  void LookUpAgain();
  void Take(const ServerLookup& lookup);

  const std::vector<Endpoint> names_;
  const std::string probe_;
  const Labels labels_;
  const ChannelSecurity security_;
  std::vector<Server> servers_;
  std::vector<FailedName> failed_names_;
  std::list<ServerPoll> polls_;    // of `servers_`, in their order
  std::list<ServerPoll> leaving_;  // of servers that are no longer used, until their answers have arrived
  Clock::time_point looked_up_;
  std::future<ServerLookup> lookup_;
};

}  // namespace probegate
