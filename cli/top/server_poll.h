// Asks one server repeatedly what its probes are doing, on a thread of its own, so that a server that hangs does not
// delay the others.
#pragma once

#include <chrono>
#include <future>
#include <optional>
#include <variant>

#include "base/grpc/client_tls.h"
#include "base/server_list.h"
#include "cli/print/failure.h"
#include "cli/servers/server_client.h"
#include "cli/top/top.h"

namespace probegate {

// Threads: one.
class ServerPoll {
 public:
  using Clock = std::chrono::steady_clock;

  explicit ServerPoll(const Server& server, const ChannelSecurity& security = {}) : client_(server, security) {}
  // Waits for an outstanding answer, for as long as ServerClient allows it to take.
  ~ServerPoll() = default;

  const Server& server() const { return client_.server(); }

  // Asks the server, unless an answer is outstanding.
  void Ask();
  bool is_outstanding() const { return answer_.valid(); }
  // Waits for an outstanding answer, but not longer than `until`. If it has not arrived by then, problem() says so.
  void Wait(Clock::time_point until);

  // The difference between the last answer and the one before it; nothing if there is a problem.
  const std::optional<Top>& top() const { return top_; }
  // The host name in the last answer.
  const std::string& host() const { return before_.host(); }
  // Why there is no answer.
  const std::optional<Failure>& problem() const { return problem_; }

 private:
  struct Look {
    v1::StatsResponse stats;
    v1::ListSessionsResponse sessions;
  };
  using Result = std::variant<Look, Failure>;

  // Runs on a thread of its own. If `waits`, waits for a connection first, as for a server that has not answered yet.
  Result AskNow(bool waits);

  ServerClient client_;
  bool has_answered_ = false;
  v1::StatsResponse before_;
  std::optional<Top> top_;
  std::optional<Failure> problem_;
  std::future<Result> answer_;  // last, to be destroyed first: its thread uses the client
};

}  // namespace probegate
