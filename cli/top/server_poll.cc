#include "cli/top/server_poll.h"

#include "base/background.h"

namespace probegate {

void ServerPoll::Ask() {
  if (is_outstanding()) return;
  answer_ = InBackground([this, waits = !has_answered_] { return AskNow(waits); },
                         [this](const std::string& why) -> Result { return NotAsked(server(), why); });
}

ServerPoll::Result ServerPoll::AskNow(bool waits) {
  try {
    if (waits) client_.Connect();
    return Look{client_.Stats(""), client_.ListSessions("")};
  } catch (const Failure& failure) {
    return failure;
  }
}

void ServerPoll::Wait(Clock::time_point until) {
  if (!is_outstanding()) return;
  if (answer_.wait_until(until) != std::future_status::ready) {
    top_.reset();
    if (!problem_)
      problem_.emplace(ExitCode::kUnreachable, "the server at " + server().ToString() + " does not answer");
    return;
  }
  const Result result = answer_.get();
  top_.reset();
  problem_.reset();
  if (const Look* const look = std::get_if<Look>(&result)) {
    top_ = Compare(has_answered_ ? before_ : look->stats, look->stats, look->sessions);
    before_ = look->stats;
    has_answered_ = true;
  } else {
    problem_.emplace(std::get<Failure>(result));
  }
}

}  // namespace probegate
