#include "gateway/client/client_session.h"

#include <utility>

#include "asio/post.hpp"
#include "gateway/client/request_cost.h"

namespace probegate {
namespace {

// How long posted requests wait for another request that they can be sent with. pyOCD takes about 0.4 ms for an access,
// and makes a few in a row before it waits. With 0.5 ms, `pyocd flash` was a tenth slower.
constexpr std::chrono::microseconds kHoldTime{2000};
// How long an unlock waits that other sessions may be waiting for. By then pyOCD usually comes back with the next lock
// and what it is for.
constexpr std::chrono::microseconds kBriefHold{500};

}  // namespace

std::shared_ptr<ClientSession> ClientSession::Open(const Opening& opening, const Strand& strand,
                                                   const ConnectionOptions& options, ClientRecord& record,
                                                   Listener& listener) {
  auto session = std::make_shared<ClientSession>(strand, options, opening.last_request_id, record, listener);
  session->inbox_ = std::make_shared<SessionInbox>(options.max_held_bytes, [weak = std::weak_ptr(session), strand] {
    if (auto woken = weak.lock()) asio::post(strand, [woken = std::move(woken)] { woken->TakeFromInbox(); });
  });
  v1::OpenSessionRequest request;
  request.set_probe(opening.probe.unique_id());
  // The remote protocol's hello does not name the client program.
  request.mutable_client()->set_name("remote-probe client");
  request.mutable_client()->set_peer_address(options.client_address.empty() ? record.peer() : options.client_address);
  request.mutable_client()->set_user(options.client_user);
  record.SessionAskedFor();
  session->upstream_ =
      opening.probe.upstream()->OpenSession(std::move(request), opening.traceparent, session->inbox_->handler());
  return session;
}

ClientSession::ClientSession(const Strand& strand, const ConnectionOptions& options, uint64_t last_request_id,
                             ClientRecord& record, Listener& listener)
    : record_(record), listener_(listener), last_request_id_(last_request_id), posting_(options.post), hold_(strand) {}

// --- Sending

void ClientSession::SendAwaited(v1::StreamRequest request, bool is_own) {
  if (!upstream_) return;
  awaited_.push_back({
      .request_id = request.request_id(),
      .response_case = static_cast<int>(request.request_case()),
      .is_own = is_own,
      .sent = posting_.TakeAlong(request),
  });
  upstream_->Send(std::move(request));
}

void ClientSession::SendOwn(v1::StreamRequest request) {
  request.set_request_id(NextRequestId());
  SendAwaited(std::move(request), true);
}

void ClientSession::Post(v1::StreamRequest request, size_t line_bytes) {
  const bool first = !posting_.holds_any();
  const Posting::Hold hold = posting_.Post(std::move(request), line_bytes);
  if (posting_.wants_answer()) {
    AskForAnswer();
  } else if (hold == Posting::Hold::kNo) {
    SendPosted();
  } else if (hold == Posting::Hold::kBriefly) {
    HoldFor(kBriefHold, &ClientSession::SendUnlock);
  } else if (first) {
    HoldFor(kHoldTime, &ClientSession::SendPosted);
  }
}

void ClientSession::AskForAnswer() {
  // This request only waits for its turn, and does not take the report of a failed posted command.
  v1::StreamRequest request;
  request.mutable_get_state();
  SendOwn(std::move(request));
}

void ClientSession::AwaitPosted() {
  if (posting_.writes_outstanding() == 0) return;
  v1::StreamRequest request;
  request.mutable_flush();
  SendOwn(std::move(request));
}

void ClientSession::HoldFor(std::chrono::microseconds time, void (ClientSession::*then)()) {
  hold_.expires_after(time);
  hold_.async_wait([self = shared_from_this(), then](asio::error_code error) {
    if (!error && self->upstream_) (*self.*then)();
  });
}

void ClientSession::SendUnlock() {
  v1::StreamRequest unlock = posting_.TakeUnlock();
  if (unlock.posted_size() > 0) upstream_->Send(std::move(unlock));
  HoldFor(kHoldTime - kBriefHold, &ClientSession::SendPosted);
}

void ClientSession::SendPosted() {
  if (!upstream_) return;
  if (posting_.holds_any()) upstream_->Send(posting_.TakeHeld());
  if (!awaits_any()) upstream_->Listen();
}

void ClientSession::ListenLater() {
  // If requests are held, the timer is already running.
  if (upstream_ && !awaits_any() && !posting_.holds_any()) HoldFor(kHoldTime, &ClientSession::SendPosted);
}

// --- Receiving

void ClientSession::TakeFromInbox() {
  if (!upstream_) return;
  woken_in_vain_ = woken_in_vain_ || inbox_waits_;
  if (inbox_waits_) return;
  do {
    if (passed_on_ == taken_.responses.size()) {
      inbox_waits_ = !listener_.HasRoom();
      if (inbox_waits_) return;
      taken_ = inbox_->Take();
      passed_on_ = 0;
      upstream_paused_ = upstream_paused_ || taken_.paused;
    }
    PassOn();
  } while (upstream_ && !inbox_waits_ && std::exchange(woken_in_vain_, false));
  if (given_up_ && !awaits_any()) Drop();
  listener_.OnTaken();
  ListenLater();
}

void ClientSession::PassOn() {
  while (upstream_ && passed_on_ < taken_.responses.size()) {
    inbox_waits_ = !listener_.HasRoom();
    if (inbox_waits_) return;
    ++news_;
    HandleResponse(taken_.responses[passed_on_++]);
  }
  taken_.responses.clear();
  passed_on_ = 0;
  if (!taken_.end || !upstream_) return;
  ++news_;
  Lose(*taken_.end);
}

void ClientSession::HandleResponse(v1::StreamResponse& response) {
  if (!probe_) {
    HandleOpening(response);
    return;
  }
  if (given_up_ && response.request_id() <= *given_up_) return;
  if (!IsDue(response)) {
    Lose("the server sent a response that matches no request");
    return;
  }
  const Awaited awaited = TakeOldestAwaited();
  posting_.NoteAnswer(response, awaited.sent);
  if (!awaited.is_own) {
    listener_.OnResponse(response);
  } else if (response.has_error()) {
    record_.PostedInVain(response.error().message());
  }
  // If the probe is gone, so is the session.
  if (response.has_error() && response.error().kind() == v1::ERROR_KIND_PROBE_DISCONNECTED) {
    Lose(response.error().message());
  }
}

void ClientSession::HandleOpening(v1::StreamResponse& response) {
  if (response.has_open_session()) {
    record_.SessionOpened(response.open_session().session_id());
    probe_ = std::make_shared<const v1::ProbeDescription>(std::move(*response.mutable_open_session()->mutable_probe()));
  } else {
    Lose(response.has_error() ? response.error().message() : "the server did not open the session");
  }
}

bool ClientSession::IsDue(const v1::StreamResponse& response) const {
  if (!awaits_any()) return false;
  const Awaited& due = awaited_[first_awaited_];
  return due.request_id == response.request_id() &&
         (response.has_error() || due.response_case == static_cast<int>(response.response_case()));
}

ClientSession::Awaited ClientSession::TakeOldestAwaited() {
  const Awaited oldest = awaited_[first_awaited_++];
  // Erase only when half have been taken. So each entry taken costs at most one move, and nothing stays if all are
  // taken.
  if (first_awaited_ * 2 >= awaited_.size()) {
    awaited_.erase(awaited_.begin(), awaited_.begin() + static_cast<std::ptrdiff_t>(first_awaited_));
    first_awaited_ = 0;
  }
  return oldest;
}

bool ClientSession::Continue() {
  if (std::exchange(upstream_paused_, false) && upstream_) upstream_->Resume();
  if (!std::exchange(inbox_waits_, false)) return false;
  // The inbox may wait again after what was passed on has used up the room.
  const uint64_t before = news_;
  TakeFromInbox();
  return news_ != before;
}

uint64_t ClientSession::held_bytes() const {
  return PostedCost(posting_.requests_outstanding(), posting_.bytes_outstanding());
}

// --- Ending

void ClientSession::Lose(const std::string& reason) {
  Drop();
  listener_.OnLost(reason);
}

void ClientSession::Finish() {
  awaited_.clear();
  first_awaited_ = 0;
  given_up_ = last_request_id_;
  AwaitPosted();
  if (!awaits_any()) Drop();
}

void ClientSession::Abandon() {
  if (upstream_ && posting_.writes_outstanding() > 0) {
    record_.PostedInVain(std::to_string(posting_.writes_outstanding()) +
                         " writes that had been answered may not have been carried out");
  }
  Drop();
}

void ClientSession::Drop() {
  upstream_.reset();
  awaited_.clear();
  first_awaited_ = 0;
  inbox_waits_ = false;
  upstream_paused_ = false;
  hold_.cancel();
}

}  // namespace probegate
