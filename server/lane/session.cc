#include "server/lane/session.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/random_digits.h"
#include "server/lane/lane.h"

namespace probegate {

SessionId SessionId::Random() {
  auto digits = RandomDigits();
  if (!digits) std::abort();  // without randomness, an ID would be no secret
  return SessionId(*std::move(digits));
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
