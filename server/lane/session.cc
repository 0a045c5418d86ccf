#include "server/lane/session.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/lane/lane.h"

namespace probegate {

SessionId SessionId::Random() {
  std::array<char, 16> bytes;
  // For so few bytes, short reads and failures do not happen once the system is up. Without randomness, an ID would be
  // no secret.
  ssize_t got = 0;
  do {
    got = getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(bytes.size())) std::abort();
  return SessionId(absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size())));
}

std::string DescribeClient(const SessionSnapshot& session) {
  const v1::ClientInfo& client = session.client;
  std::string who = client.name().empty() ? "an unnamed client" : client.name();
  if (!client.user().empty()) absl::StrAppend(&who, " (", client.user(), ")");
  if (!client.peer_address().empty()) absl::StrAppend(&who, " at ", client.peer_address());
  if (!session.peer.empty() && session.peer != client.peer_address()) absl::StrAppend(&who, " via ", session.peer);
  if (session.proved) absl::StrAppend(&who, " as ", session.identity.name());
  return absl::StrCat("session ", session.name, " of ", who);
}

Session::Session(SessionId id, std::shared_ptr<Lane> lane, std::shared_ptr<LaneMember> member)
    : id_(std::move(id)), lane_(std::move(lane)), member_(std::move(member)) {}

Session::~Session() { Leave(); }

void Session::Leave() { lane_->Leave(member_); }

void Session::Submit(v1::StreamRequest request, ReplyCallback done, AbandonedCheck abandoned) {
  lane_->Submit(member_, std::move(request), std::move(done), std::move(abandoned));
}

void Session::End(const SessionEnd& end) { lane_->End(member_, end); }

SessionSnapshot Session::snapshot() const { return lane_->Snapshot(*member_); }

}  // namespace probegate
