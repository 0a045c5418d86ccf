// Servers that one command of `probegate` asks, all at once.
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
  // Looks `names` up, and blocks until that is done (base/server_list.h). A name that cannot be looked up is among the
  // failures.
  explicit ServerGroup(const std::vector<Endpoint>& names);

  // Asks all servers at once, and waits until each has answered or failed, which ServerClient bounds. The answers are
  // in the servers' order. One that failed is not asked again. `question` is called on threads, at the same time.
  template <typename Answer>
  std::vector<ServerAnswer<Answer>> Ask(const std::function<Answer(ServerClient&)>& question);

  // Why servers are missing among the answers; each a line for a person.
  const std::vector<Failure>& failures() const { return failures_; }

  // Says them on standard error. The first's exit code, or kOk where there is none.
  ExitCode ReportFailures() const;
  // The same where no server is left, and throws the last.
  void ThrowIfNoneAnswers() const;

 private:
  std::vector<std::unique_ptr<ServerClient>> servers_;  // a server's that failed stays: answers may name it
  std::vector<ServerClient*> asked_;                    // those that did not fail
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
