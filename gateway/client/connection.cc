#include "gateway/client/connection.h"

#include <chrono>
#include <utility>

#include "asio/buffer.hpp"
#include "asio/co_spawn.hpp"
#include "asio/detached.hpp"
#include "asio/dispatch.hpp"
#include "asio/redirect_error.hpp"

namespace probegate {
namespace {

// How long a client may take to receive the last replies before the connection is reset.
constexpr auto kLingerTime = std::chrono::seconds(2);
constexpr auto kLingerPoll = std::chrono::milliseconds(2);

}  // namespace

Connection::Connection(Socket socket, std::string peer, std::shared_ptr<const ServedProbe> probe,
                       const ConnectionOptions& options, GatewayMetrics& metrics, Log& log,
                       std::function<void()> on_closed)
    : socket_(std::move(socket)),
      options_(options),
      record_(probe->unique_id(), std::move(peer), metrics, log),
      on_closed_(std::move(on_closed)),
      framer_(options.max_line_bytes),
      replies_(socket_, options.max_held_bytes),
      requests_(std::move(probe), socket_.get_executor(), options, replies_, record_,
                [this] {
                  Flush();
                  OnProgress();
                }),
      room_(socket_.get_executor()) {
  ConfigureSocket(socket_);
}

void Connection::Start() {
  record_.Connected();
  asio::co_spawn(socket_.get_executor(), ReadRequests(), asio::detached);
  asio::co_spawn(socket_.get_executor(), WatchForReset(), asio::detached);
}

void Connection::Refuse(std::string reason) {
  record_.Refused(reason);
  asio::co_spawn(socket_.get_executor(), RefuseFirstRequest(std::move(reason)), asio::detached);
}

void Connection::End(std::string reason) {
  asio::dispatch(socket_.get_executor(),
                 [self = shared_from_this(), reason = std::move(reason)] { self->EndNow(reason); });
}

bool Connection::MayRead() const { return requests_.has_room() && replies_.has_room(); }

std::string Connection::TooLong() const {
  return "request line longer than " + std::to_string(options_.max_line_bytes) + " bytes (--max-line-bytes)";
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
      requests_.Handle(*line);
      continue;
    }
    Flush();
    if (framer_.too_long()) {
      EndNow("the connection was ended because of a request line that is too long", TooLong());
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
    record_.Received(size);
  }
  if (const auto rest = framer_.TakeRest(); rest && !ending_ && !closed_) requests_.Handle(*rest);
  client_finished_ = true;
  requests_.NoMoreLines();
  Flush();
  FinishIfDone();
}

// Reading would notice a reset, too, but not while a bound keeps the connection from reading.
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
    const size_t size =
        co_await socket_.async_read_some(asio::buffer(space.data, space.size), asio::redirect_error(kUseTask, error));
    if (error) break;
    framer_.Commit(size);
    record_.Received(size);
  }
  if (error == asio::error::eof && !ending_) line = framer_.TakeRest();
  if (error && !line && !ending_) {
    Close(error == asio::error::eof ? Ending::kInOrder : Ending::kReset);
    co_return;
  }
  if (framer_.too_long()) record_.BadLine(TooLong());
  if (line && !ending_) requests_.Refuse(*line, reason);
  EndNow(reason);
}

Task<> Connection::LingerThenReset() {
  const auto self = shared_from_this();
  const auto deadline = Timer::clock_type::now() + kLingerTime;
  asio::error_code ignored;
  Timer timer(socket_.get_executor());
  const auto is_done = [this] {
    return requests_.idle() && replies_.UnsentBytes() + UnacknowledgedBytes(socket_) == 0;
  };
  while (!closed_ && !is_done() && Timer::clock_type::now() < deadline) {
    timer.expires_after(kLingerPoll);
    co_await timer.async_wait(asio::redirect_error(kUseTask, ignored));
  }
  Close();
}

void Connection::Flush() {
  if (closed_ || full_) return;
  const size_t unsent = replies_.UnsentBytes();
  const ReplyWriter::Result result = replies_.Write();
  if (unsent > 0) record_.Sent(unsent - replies_.UnsentBytes());
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

// To be called when a request was answered, or the client has received replies: what waited for room can continue.
void Connection::OnProgress() {
  if (closed_) return;
  if (MayRead()) room_.cancel();
  if (replies_.has_room()) requests_.Continue();
  FinishIfDone();
}

void Connection::EndNow(std::string_view reason, std::string_view last_error) {
  if (ending_ || closed_) return;
  ending_ = true;
  requests_.FailWaiting(reason);
  if (!last_error.empty()) requests_.RefuseUnread(last_error);
  // Requests that were already answered are still carried out before the session ends, within the time that the client
  // has to receive its last replies.
  requests_.FinishSession();
  Flush();
  room_.cancel();
  asio::co_spawn(socket_.get_executor(), LingerThenReset(), asio::detached);
}

void Connection::FinishIfDone() {
  if (client_finished_ && !ending_ && requests_.idle() && replies_.UnsentBytes() == 0) {
    Close(Ending::kInOrder);
  }
}

void Connection::Close(Ending ending) {
  if (closed_) return;
  closed_ = true;
  requests_.Abandon();
  record_.Disconnected();
  if (ending == Ending::kInOrder) {
    CloseInOrder(socket_);
  } else {
    ResetSocket(socket_);
  }
  room_.cancel();
  on_closed_();
}

}  // namespace probegate
