#include "cli/servers/find_session.h"

#include "base/session_name.h"
#include "cli/print/failure.h"

namespace probegate {
namespace {

// A server that follows the contract lists no other names. An empty name must not be accepted: it would be the
// beginning of every whole ID, which is a secret, and the ID would be sent to that server.
bool IsName(const std::string& text) {
  constexpr char kDigits[] = "0123456789abcdef";
  return text.size() == kSessionNameLength && text.find_first_not_of(kDigits) == std::string::npos;
}

}  // namespace

ChosenSession ChooseSession(const std::vector<v1::ListSessionsResponse>& lists, const std::string& part,
                            bool complete) {
  std::vector<ChosenSession> found;
  for (size_t i = 0; i < lists.size(); ++i) {
    for (const v1::SessionInfo& session : lists[i].sessions()) {
      const std::string& name = session.session();
      const bool is_it = IsName(name) && (name.starts_with(part) || part.starts_with(name));
      if (is_it) found.push_back({i, part.size() > name.size() ? part : name});
    }
  }
  if (found.empty()) throw Failure(ExitCode::kNotFound, "no session begins with " + part);
  if (found.size() > 1)
    throw Failure(ExitCode::kNotFound, "several sessions begin with " + part + "; give more digits");
  if (!complete && part.size() < kSessionNameLength) {
    throw Failure(ExitCode::kNotFound, "a server is missing, and may have a session that begins with " + part +
                                           ", too; give all " + std::to_string(kSessionNameLength) + " digits");
  }
  return found.front();
}

FoundSession FindSession(ServerGroup& group, const std::string& part) {
  const auto answers =
      group.Ask<v1::ListSessionsResponse>([](ServerClient& server) { return server.ListSessions(""); });
  group.ThrowIfNoneAnswers();
  std::vector<v1::ListSessionsResponse> lists;
  for (const auto& [server, sessions] : answers) lists.push_back(sessions);
  const ExitCode missing = group.ReportFailures();
  try {
    const ChosenSession chosen = ChooseSession(lists, part, missing == ExitCode::kOk);
    return {answers[chosen.server].server, chosen.session};
  } catch (const Failure& failure) {
    if (missing == ExitCode::kOk) throw;
    throw Failure(missing, failure.what());
  }
}

}  // namespace probegate
