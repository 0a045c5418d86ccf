// The servers that one command of `probegate` asks, all at once.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/background.h"
#include "base/endpoint.h"
#include "base/grpc/client_tls.h"
#include "cli/print/failure.h"
#include "cli/servers/server_client.h"

namespace probegate {

// What one server answered.
template <typename Answer>
struct ServerAnswer {
  ServerClient* server;  // of the group
  Answer answer;
};

// Threads: one.
class ServerGroup {
 public:
  // Looks up `names`, and blocks until that is done (base/server_list.h). A name that cannot be looked up becomes one
  // of the failures. `security` is that of the connections.
  explicit ServerGroup(const std::vector<Endpoint>& names, const ChannelSecurity& security = {});

  // Asks all servers at once, and waits until each has answered or failed, for as long as ServerClient allows. The
  // answers are in the order of the servers. A server that failed is not asked again. `question` is called for all
  // servers at the same time, each time on another thread.
  template <typename Answer>
  std::vector<ServerAnswer<Answer>> Ask(const std::function<Answer(ServerClient&)>& question);

  // Why servers are missing among the answers, one line each, for people to read.
  const std::vector<Failure>& failures() const { return failures_; }

  // Prints the failures on standard error. Returns the exit code of the first, or kOk if there is none.
  ExitCode ReportFailures() const;
  // If no server is left, prints the failures and throws the last one.
  void ThrowIfNoneAnswers() const;

 private:
  std::vector<std::unique_ptr<ServerClient>>
      servers_;                       // including those that failed: earlier answers may refer to them
  std::vector<ServerClient*> asked_;  // those that did not fail
  std::vector<Failure> failures_;
};

template <typename Answer>
std::vector<ServerAnswer<Answer>> ServerGroup::Ask(const std::function<Answer(ServerClient&)>& question) {
  using Result = std::variant<Answer, Failure>;
  std::vector<std::future<Result>> results;
  for (ServerClient* server : asked_) {
    results.push_back(InBackground(
        [server, &question]() -> Result {
          try {
            server->Connect();
            return question(*server);
          } catch (const Failure& failure) {
            return failure;
          }
        },
        [server](const std::string& why) -> Result { return NotAsked(server->server(), why); }));
  }
  std::vector<ServerAnswer<Answer>> answers;
  for (size_t i = 0; i < results.size(); ++i) {
    Result result = results[i].get();
    if (Answer* const answer = std::get_if<Answer>(&result)) {
      answers.push_back({asked_[i], std::move(*answer)});
    } else {
      failures_.push_back(std::get<Failure>(result));
    }
  }
  asked_.clear();
  for (const ServerAnswer<Answer>& answer : answers) asked_.push_back(answer.server);
  return answers;
}

}  // namespace probegate
