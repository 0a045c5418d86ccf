// One server, asked again and again for what its probes do, on a thread of its own: one that hangs holds up nobody.
#pragma once

#include <chrono>
#include <future>
#include <optional>
#include <variant>

#include "base/server_list.h"
#include "cli/print/failure.h"
#include "cli/servers/server_client.h"
#include "cli/top/top.h"

namespace probegate {

// Threads: one.
class ServerPoll {
 public:
  using Clock = std::chrono::steady_clock;

  explicit ServerPoll(const Server& server) : client_(server) {}
  // Waits for the answer, which ServerClient bounds, where one is outstanding.
  ~ServerPoll() = default;

  const Server& server() const { return client_.server(); }

  // Asks, unless an answer is outstanding.
  void Ask();
  bool is_outstanding() const { return answer_.valid(); }
  // Waits until then for an answer that is outstanding, and takes it. Where it has not come, that is the problem.
  void Wait(Clock::time_point until);

  // What the last answer says, compared with the one before it; nothing where there is a problem.
  const std::optional<Top>& top() const { return top_; }
  // As the last answer says it.
  const std::string& host() const { return before_.host(); }
  // Why there is no answer.
  const std::optional<Failure>& problem() const { return problem_; }

 private:
  struct Look {
    v1::StatsResponse stats;
    v1::ListSessionsResponse sessions;
  };
  using Result = std::variant<Look, Failure>;

  // On its thread. `waits` for a connection first, as is due to a server that has not answered yet.
  Result AskNow(bool waits);

  ServerClient client_;
  bool has_answered_ = false;
  v1::StatsResponse before_;
  std::optional<Top> top_;
  std::optional<Failure> problem_;
  std::future<Result> answer_;  // goes first: its thread uses the client
};

}  // namespace probegate
