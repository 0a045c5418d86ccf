// One session as the registry keeps it. Used by session_registry.cc and session_registry_calls.cc alone.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "server/lane/session.h"
#include "server/sessions/session_registry.h"

namespace probegate {

// How many digits of a session's id are its name, which is public.
inline constexpr size_t kSessionNameLength = 16;

// Guarded by the registry's mutex.
struct SessionRegistry::Entry {
  // Of unary calls' sessions: whose it is. A stream's session answers to no call.
  std::optional<std::string> host;
  std::chrono::seconds idle_timeout{0};
  Clock::time_point deadline = Clock::time_point::max();
  size_t in_flight = 0;
  size_t unanswered_bytes = 0;

  std::shared_ptr<Session> session;  // null while it is being opened
  std::optional<SessionEnd> ended;   // where it was not its client's doing
};

// Takes equally long wherever the two differ: a session's name is public, the rest of its id is not.
bool SameSecret(const std::string& a, const std::string& b);

}  // namespace probegate
