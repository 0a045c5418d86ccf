#include "gateway/connection.h"

#include <chrono>
#include <utility>

#include "asio/buffer.hpp"
#include "asio/co_spawn.hpp"
#include "asio/detached.hpp"
#include "asio/dispatch.hpp"
#include "asio/redirect_error.hpp"
#include "gateway/error_status.h"

namespace probegate {
namespace {

// How long a client may take to fetch the last replies before the reset.
constexpr auto kLingerTime = std::chrono::seconds(2);
constexpr auto kLingerPoll = std::chrono::milliseconds(2);

}  // namespace

Connection::Connection(Socket socket, std::string peer, std::shared_ptr<const ServedProbe> probe, Upstream& upstream,
                       const ConnectionOptions& options, Log& log, std::function<void()> on_closed)
    : socket_(std::move(socket)),
      peer_(std::move(peer)),
      probe_(std::move(probe)),
      upstream_(upstream),
      options_(options),
      log_(log),
      on_closed_(std::move(on_closed)),
      framer_(options.max_line_bytes),
      room_(socket_.get_executor()),
      replies_(socket_) {
  ConfigureSocket(socket_);
}

Connection::~Connection() = default;

void Connection::Start() {
  log_.Debug("client.connected", {{"probe", probe_->unique_id()}, {"client", peer_}});
  asio::co_spawn(socket_.get_executor(), ReadRequests(), asio::detached);
  asio::co_spawn(socket_.get_executor(), WatchForReset(), asio::detached);
}

void Connection::Refuse(std::string reason) {
  asio::co_spawn(socket_.get_executor(), RefuseFirstRequest(std::move(reason)), asio::detached);
}

void Connection::End(std::string reason) {
  asio::dispatch(socket_.get_executor(),
                 [self = shared_from_this(), reason = std::move(reason)] { self->EndNow(reason); });
}

bool Connection::MayRead() const {
  return pending_.size() < options_.max_in_flight && pending_line_bytes_ < options_.max_held_bytes &&
         replies_.UnsentBytes() < options_.max_held_bytes;
}

Task<> Connection::ReadRequests() {
  const auto self = shared_from_this();
  asio::error_code error;
  while (true) {
    if (!MayRead()) Flush();
    while (!MayRead() && !ending_ && !closed_) {
      room_.expires_at(Timer::time_point::max());
      co_await room_.async_wait(asio::redirect_error(kUseTask, error));
    }
    if (ending_ || closed_) co_return;
    if (const auto line = framer_.Next()) {
      HandleLine(*line);
      continue;
    }
    Flush();
    if (framer_.too_long()) {
      EndNow("the connection was ended because of a request line that is too long",
             "request line longer than " + std::to_string(options_.max_line_bytes) + " bytes (--max-line-bytes)");
      co_return;
    }
    const auto space = framer_.Prepare();
    const size_t size =
        co_await socket_.async_read_some(asio::buffer(space.data, space.size), asio::redirect_error(kUseTask, error));
    if (error == asio::error::eof) break;
    if (error) {
      Close();
      co_return;
    }
    framer_.Commit(size);
  }
  if (const auto rest = framer_.TakeRest(); rest && !ending_ && !closed_) HandleLine(*rest);
  client_finished_ = true;
  Flush();
  FinishIfDone();
}

// Reading tells of a reset too, but not while a bound keeps the connection from reading.
Task<> Connection::WatchForReset() {
  const auto self = shared_from_this();
  asio::error_code error;
  while (!closed_) {
    co_await socket_.async_wait(asio::socket_base::wait_error, asio::redirect_error(kUseTask, error));
    if (error || (!closed_ && HasPendingError(socket_))) Close();
  }
}

Task<> Connection::RefuseFirstRequest(std::string reason) {
  const auto self = shared_from_this();
  room_.expires_after(kLingerTime);
  room_.async_wait([self, reason](asio::error_code) { self->EndNow(reason); });
  asio::error_code error;
  std::optional<std::string_view> line;
  while (!ending_ && !(line = framer_.Next()) && !framer_.too_long()) {
    const auto space = framer_.Prepare();
    framer_.Commit(
        co_await socket_.async_read_some(asio::buffer(space.data, space.size), asio::redirect_error(kUseTask, error)));
    if (error) break;
  }
  if (error && !ending_) {
    Close();
    co_return;
  }
  if (line && !ending_) {
    Request request;
    ParseRequest(*line, request);
    AppendErrorReply(replies_.out(), request.id, ReplyStatus::kProbeDisconnected, reason);
  }
  EndNow(reason);
}

Task<> Connection::LingerThenReset() {
  const auto self = shared_from_this();
  const auto deadline = Timer::clock_type::now() + kLingerTime;
  asio::error_code ignored;
  Timer timer(socket_.get_executor());
  while (!closed_ && replies_.UnsentBytes() + UnacknowledgedBytes(socket_) > 0 && Timer::clock_type::now() < deadline) {
    timer.expires_after(kLingerPoll);
    co_await timer.async_wait(asio::redirect_error(kUseTask, ignored));
  }
  if (!closed_) ResetSocket(socket_);
  Close();
}

void Connection::HandleLine(std::string_view line) {
  Request request;
  std::string_view error = ParseRequest(line, request);
  const Command* const command = error.empty() ? FindCommand(request, error) : nullptr;
  if (command == nullptr) {
    AppendErrorReply(ReplyBuffer(), request.id, ReplyStatus::kGeneralError, error);
    return;
  }
  const auto probe = session_probe_ ? session_probe_ : probe_->description();
  const CommandContext context{
      .probe = *probe,
      .has_session = session_state_ == SessionState::kLive,
      .offer_memory_interface = options_.offer_memory_interface,
  };
  Call call{.context = context, .write_result = command->write_result};
  switch (command->prepare(request, call)) {
    case Step::kSend:
      SendUpstream(request, call, *command, line.size());
      break;
    case Step::kAnswer: {
      std::string& reply = ReplyBuffer();
      BeginReply(reply, request.id, ReplyStatus::kOk);
      if (!call.text.empty()) reply.append(kResultKey).append(call.text);
      EndReply(reply);
      break;
    }
    case Step::kRefuse:
      AppendErrorReply(ReplyBuffer(), request.id, ReplyStatus::kGeneralError, call.text);
      break;
  }
}

void Connection::SendUpstream(Request& request, Call& call, const Command& command, size_t line_bytes) {
  const bool opens = call.request.has_open();
  if (session_state_ == SessionState::kLost && !opens) {
    AppendErrorReply(ReplyBuffer(), request.id, ReplyStatus::kProbeDisconnected, lost_reason_);
    return;
  }
  if (session_state_ != SessionState::kLive) OpenSession();
  call.request.set_request_id(++last_request_id_);
  pending_.push_back({
      .id = std::string(request.id),
      .line_bytes = line_bytes,
      .request_id = last_request_id_,
      .command = &command,
      .write_result = call.write_result,
      .response_case = static_cast<int>(call.request.request_case()),
  });
  pending_line_bytes_ += line_bytes;
  session_->Send(std::move(call.request));
}

void Connection::OpenSession() {
  v1::OpenSessionRequest request;
  request.set_probe(probe_->unique_id());
  // The protocol's hello names no program.
  request.mutable_client()->set_name("remote-probe client");
  request.mutable_client()->set_peer_address(peer_);
  inbox_ = std::make_shared<SessionInbox>(weak_from_this(), socket_.get_executor(), options_.max_held_bytes);
  session_state_ = SessionState::kLive;
  session_opened_ = false;
  session_ = upstream_.OpenSession(std::move(request), inbox_->handler());
}

std::string& Connection::ReplyBuffer() {
  if (pending_.empty()) return replies_.out();
  return pending_.emplace_back().reply;
}

void Connection::TakeFromInbox(const std::shared_ptr<SessionInbox>& inbox) {
  if (closed_ || inbox != inbox_) return;
  inbox_waits_ = replies_.UnsentBytes() >= options_.max_held_bytes;
  if (inbox_waits_) return;
  SessionInbox::Content content = inbox->Take();
  upstream_paused_ = upstream_paused_ || content.paused;
  for (v1::StreamResponse& response : content.responses) {
    HandleResponse(response);
    // It may have been the end of the session.
    if (inbox != inbox_) break;
  }
  if (content.end && inbox == inbox_) LoseSession(*content.end);
  Flush();
  if (!closed_) OnProgress();
}

void Connection::HandleResponse(v1::StreamResponse& response) {
  if (!session_opened_) {
    if (response.has_open_session()) {
      session_opened_ = true;
      session_probe_ =
          std::make_shared<const v1::ProbeDescription>(std::move(*response.mutable_open_session()->mutable_probe()));
    } else {
      LoseSession(response.has_error() ? response.error().message() : "the server did not open the session");
    }
    return;
  }
  const bool expected =
      !pending_.empty() && pending_.front().request_id == response.request_id() &&
      (response.has_error() || pending_.front().response_case == static_cast<int>(response.response_case()));
  if (!expected) {
    LoseSession("the server answered something that was not asked");
    return;
  }
  WriteResponse(pending_.front(), response);
  pending_line_bytes_ -= pending_.front().line_bytes;
  pending_.pop_front();
  MoveReadyReplies();
  // The probe takes the session with it.
  if (response.has_error() && response.error().kind() == v1::ERROR_KIND_PROBE_DISCONNECTED) {
    LoseSession(response.error().message());
  }
}

void Connection::WriteResponse(const Pending& pending, const v1::StreamResponse& response) {
  if (response.has_error()) {
    const v1::ErrorDetail& error = response.error();
    const bool stock_words = error.kind() == v1::ERROR_KIND_NOT_FOUND && !pending.command->not_found_message.empty();
    AppendErrorReply(replies_.out(), pending.id, StatusOfError(error.kind()),
                     stock_words ? pending.command->not_found_message : std::string_view(error.message()));
    return;
  }
  std::string& out = replies_.out();
  BeginReply(out, pending.id, ReplyStatus::kOk);
  if (pending.write_result != nullptr) {
    const size_t before = out.size();
    out += kResultKey;
    if (!pending.write_result(response, out)) out.resize(before);
  }
  EndReply(out);
}

void Connection::LoseSession(std::string reason) {
  log_.Warning("session.lost", {{"probe", probe_->unique_id()}, {"client", peer_}, {"reason", reason}});
  lost_reason_ = "session lost: " + reason;
  DropSession();
  session_state_ = SessionState::kLost;
  FailPending(lost_reason_);
}

void Connection::DropSession() {
  session_.reset();
  inbox_.reset();
  session_probe_.reset();
  session_state_ = SessionState::kNone;
  inbox_waits_ = false;
  upstream_paused_ = false;
}

void Connection::FailPending(std::string_view reason) {
  for (const Pending& pending : pending_) {
    if (pending.request_id != 0) {
      AppendErrorReply(replies_.out(), pending.id, ReplyStatus::kProbeDisconnected, reason);
    } else {
      replies_.out() += pending.reply;
    }
  }
  pending_.clear();
  pending_line_bytes_ = 0;
}

void Connection::MoveReadyReplies() {
  while (!pending_.empty() && pending_.front().request_id == 0) {
    replies_.out() += pending_.front().reply;
    pending_.pop_front();
  }
}

void Connection::Flush() {
  if (closed_ || full_) return;
  const ReplyWriter::Result result = replies_.Write();
  full_ = result == ReplyWriter::Result::kFull;
  if (result == ReplyWriter::Result::kFailed) Close();
  if (!full_) return;
  socket_.async_wait(asio::socket_base::wait_write, [self = shared_from_this()](asio::error_code error) {
    self->full_ = false;
    if (error) {
      self->Close();
    } else {
      self->Flush();
      self->OnProgress();
    }
  });
}

// Something was answered, or taken by the client: what waited for room may go on.
void Connection::OnProgress() {
  if (closed_) return;
  if (MayRead()) room_.cancel();
  if (replies_.UnsentBytes() < options_.max_held_bytes) {
    if (std::exchange(upstream_paused_, false) && session_) session_->Resume();
    if (inbox_waits_) {
      const auto inbox = inbox_;
      TakeFromInbox(inbox);
    }
  }
  FinishIfDone();
}

void Connection::EndNow(std::string_view reason, std::string_view last_error) {
  if (ending_ || closed_) return;
  ending_ = true;
  DropSession();
  FailPending(reason);
  if (!last_error.empty()) AppendErrorReply(replies_.out(), Request().id, ReplyStatus::kGeneralError, last_error);
  Flush();
  room_.cancel();
  asio::co_spawn(socket_.get_executor(), LingerThenReset(), asio::detached);
}

void Connection::FinishIfDone() {
  if (client_finished_ && !ending_ && pending_.empty() && replies_.UnsentBytes() == 0) Close();
}

void Connection::Close() {
  if (closed_) return;
  closed_ = true;
  log_.Debug("client.disconnected", {{"probe", probe_->unique_id()}, {"client", peer_}});
  DropSession();
  pending_.clear();
  asio::error_code ignored;
  socket_.close(ignored);
  room_.cancel();
  on_closed_();
}

}  // namespace probegate
