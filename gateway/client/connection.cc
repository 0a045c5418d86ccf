#include "gateway/client/connection.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "asio/buffer.hpp"
#include "asio/co_spawn.hpp"
#include "asio/detached.hpp"
#include "asio/dispatch.hpp"
#include "asio/post.hpp"
#include "asio/redirect_error.hpp"
#include "gateway/client/request_cost.h"
#include "gateway/protocol/first_line.h"

namespace probegate {
namespace {

// How long a client may take to receive the last replies before the connection is reset.
constexpr auto kLingerTime = std::chrono::seconds(2);
constexpr auto kLingerPoll = std::chrono::milliseconds(2);

// How many bytes are read at a time, so that little of a next line comes with the end of a long one.
constexpr size_t kReadBytes = MemoryAccount::kShortLine;

// The line of a client that is refused. Nothing is allocated for more.
constexpr size_t kRefusedLineBytes = 4000;

}  // namespace

Connection::Connection(Accepted accepted, std::shared_ptr<const ServedProbe> probe, const ConnectionContext& context,
                       std::function<void()> on_closed)
    : socket_(std::move(accepted.socket)),
      place_(std::move(accepted.place)),
      options_(context.options),
      ended_(context.bounds.ended),
      turns_(context.bounds.turns.Of(accepted.peer.client)),
      probe_(probe->unique_id()),
      record_(probe_, accepted.peer.address, context.metrics, context.log),
      on_closed_(std::move(on_closed)),
      memory_(context.bounds.memory, accepted.peer.client),
      waits_for_memory_(std::make_shared<char>()),
      framer_(options_.max_line_bytes),
      replies_(socket_, options_.max_unsent_bytes),
      turn_(turns_, [this] { WaitForTurn(); }),
      requests_(std::move(probe), socket_.get_executor(), options_, replies_, record_, *this),
      room_(socket_.get_executor()),
      line_timer_(socket_.get_executor()),
      reply_timer_(socket_.get_executor()) {
  ConfigureSocket(socket_);
}

// A coroutine keeps the connection alive only once it runs, and on another thread it may run later. On the strand it
// runs at once.
void Connection::Start() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    asio::co_spawn(self->socket_.get_executor(), self->ReadRequests(), asio::detached);
    asio::co_spawn(self->socket_.get_executor(), self->WatchForReset(), asio::detached);
  });
}

void Connection::Refuse(std::string reason) {
  asio::post(socket_.get_executor(), [self = shared_from_this(), reason = std::move(reason)] {
    asio::co_spawn(self->socket_.get_executor(), self->RefuseFirstRequest(reason), asio::detached);
  });
}

void Connection::End(std::string reason) {
  asio::dispatch(socket_.get_executor(),
                 [self = shared_from_this(), reason = std::move(reason)] { self->EndNow(reason); });
}

std::string Connection::TooLong() const {
  return "request line longer than " + std::to_string(options_.max_line_bytes) + " bytes (--max-line-bytes)";
}

Task<> Connection::ReadRequests() {
  const auto self = shared_from_this();
  asio::error_code error;
  WatchFirstLine();
  while (true) {
    if (!MayTakeLine()) {
      Flush();
      SettleMemory();
      turn_.Rest();
    }
    while (!MayTakeLine() && !ending_ && !closed_) {
      room_.expires_at(Timer::time_point::max());
      co_await room_.async_wait(asio::redirect_error(kUseTask, error));
    }
    if (ending_ || closed_) co_return;
    if (!line_) line_ = client_finished_ ? framer_.TakeRest() : framer_.Next();
    if (line_) {
      if (!served_ && !MayBeginWith(*line_)) co_return;
      HandleLine();
      continue;
    }
    if (client_finished_) break;
    Flush();
    if (framer_.too_long()) {
      EndNow("the connection was ended because of a request line that is too long", TooLong());
      co_return;
    }
    if (!served_ && !MayGoOnAfter(framer_.unfinished())) co_return;
    if (!HoldMemoryToRead()) continue;
    if (!framer_.unfinished().empty()) WatchLine();
    turn_.Rest();
    const auto space = framer_.Prepare();
    reading_ = true;
    const size_t size = co_await socket_.async_read_some(asio::buffer(space.data, std::min(space.size, kReadBytes)),
                                                         asio::redirect_error(kUseTask, error));
    reading_ = false;
    if (error && error != asio::error::eof) {
      Close();
      co_return;
    }
    client_finished_ = error == asio::error::eof;
    framer_.Commit(size);
    record_.Received(size);
  }
  requests_.NoMoreLines();
  OnProgress();
}

// Handles line_, or waits for memory.
void Connection::HandleLine() {
  const bool is_long = line_->size() > MemoryAccount::kShortLine;
  if (!requests_.Handle(*line_)) {
    AwaitMemory(wanted_bytes_);
    return;
  }
  line_.reset();
  ++lines_;
  if (is_long) framer_.Shorten();
}

bool Connection::MayBeginWith(std::string_view line) {
  if (!IsJsonObject(line)) {
    const FirstBytes look = LookAt(line);
    EndClient(look == FirstBytes::kHttp  ? ClientEnd::kHttp
              : look == FirstBytes::kTls ? ClientEnd::kTls
                                         : ClientEnd::kNotJson);
    return false;
  }
  served_ = true;
  line_timer_.cancel();
  record_.Connected();
  return true;
}

bool Connection::MayGoOnAfter(std::string_view bytes) {
  const FirstBytes look = LookAt(bytes);
  if (look == FirstBytes::kObject || look == FirstBytes::kTooFew) return true;
  return MayBeginWith(bytes);
}

// --- Memory

uint64_t Connection::HeldBytes() const {
  const uint64_t buffer =
      framer_.capacity() > MemoryAccount::kShortLine ? LongestLineCost(options_.max_line_bytes) : framer_.capacity();
  return requests_.held_bytes() + replies_.held_bytes() + buffer;
}

RequestHandler::Room Connection::RoomFor(size_t line_bytes, uint64_t cost) {
  const bool is_long = line_bytes > MemoryAccount::kShortLine;
  // A long line's buffer is gone before its request needs the memory.
  const uint64_t held = requests_.held_bytes() + replies_.held_bytes() + (is_long ? 0 : framer_.capacity());
  if (memory_.Hold(held + cost)) return RequestHandler::Room::kYes;
  // A long line must not wait, because it would keep its memory meanwhile. That there was room for the longest line
  // only does not suffice if the response is large, too.
  if (is_long || !memory_.MayEverHold(cost + MemoryAccount::kOwnBytes)) return RequestHandler::Room::kNever;
  wanted_bytes_ = held + cost;
  return RequestHandler::Room::kLater;
}

void Connection::DropLine() {
  if (line_ && line_->size() > MemoryAccount::kShortLine) framer_.Shorten();
}

bool Connection::HoldMemoryToRead() {
  uint64_t bytes = requests_.held_bytes() + replies_.held_bytes();
  if (framer_.NextCapacity() <= MemoryAccount::kShortLine) {
    memory_.Settle(bytes + framer_.NextCapacity());
    return true;
  }
  bytes += LongestLineCost(options_.max_line_bytes);
  if (memory_.Hold(bytes)) return true;
  AwaitMemory(bytes);
  return false;
}

void Connection::AwaitMemory(uint64_t bytes) {
  awaits_memory_ = true;
  // What was taken in reserve must not be missing elsewhere meanwhile.
  SettleMemory();
  memory_.WhenRoom(bytes, waits_for_memory_, [weak = weak_from_this(), strand = socket_.get_executor()] {
    asio::post(strand, [weak] {
      const auto self = weak.lock();
      if (!self) return;
      self->awaits_memory_ = false;
      self->room_.cancel();
    });
  });
}

// --- Turns and time

void Connection::WaitForTurn() {
  turns_->Ask(socket_.get_executor(), [self = shared_from_this()] {
    self->turn_.Grant();
    self->OnProgress();
  });
}

void Connection::WatchFirstLine() {
  line_timer_.expires_after(options_.first_line_time);
  line_timer_.async_wait([self = shared_from_this()](asio::error_code error) {
    if (error || self->served_ || self->ending_ || self->closed_) return;
    // Without `reading_` the client may have sent its line, and waits for memory or for its turn.
    self->reading_ ? self->EndClient(ClientEnd::kSilent) : self->WatchFirstLine();
  });
}

// Bounds the time of a line of which a part has arrived. The timer is not cancelled when the rest arrives, so that it
// costs nothing if many lines arrive in parts.
void Connection::WatchLine() {
  if (!served_ || std::exchange(line_watched_, true)) return;
  line_timer_.expires_after(options_.line_time);
  line_timer_.async_wait([self = shared_from_this(), lines = lines_](asio::error_code error) {
    self->line_watched_ = false;
    if (error || self->ending_ || self->closed_ || self->framer_.unfinished().empty()) return;
    if (self->reading_ && self->lines_ == lines) {
      self->EndClient(ClientEnd::kSlowLine);
    } else {
      self->WatchLine();
    }
  });
}

uint64_t Connection::ReceivedByClient() {
  return written_ - std::min<uint64_t>(written_, UnacknowledgedBytes(socket_));
}

// Bounds how long the client may receive nothing while replies wait for it.
void Connection::WatchReplies() {
  if (std::exchange(replies_watched_, true)) return;
  reply_timer_.expires_after(options_.unread_time);
  reply_timer_.async_wait([self = shared_from_this(), received = ReceivedByClient()](asio::error_code error) {
    self->replies_watched_ = false;
    if (error || self->ending_ || self->closed_ || !self->full_) return;
    if (self->ReceivedByClient() == received) {
      self->EndClient(ClientEnd::kUnread);
    } else {
      self->WatchReplies();
    }
  });
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
  LineFramer framer(kRefusedLineBytes);
  std::optional<std::string_view> line;
  while (!ending_ && !(line = framer.Next()) && !framer.too_long() && MayGoOnAfter(framer.unfinished())) {
    const auto space = framer.Prepare();
    const size_t size =
        co_await socket_.async_read_some(asio::buffer(space.data, space.size), asio::redirect_error(kUseTask, error));
    if (error) break;
    framer.Commit(size);
    record_.Received(size);
  }
  if (error == asio::error::eof && !ending_) line = framer.TakeRest();
  if (error && !line && !ending_) {
    Close(error == asio::error::eof ? Ending::kInOrder : Ending::kReset);
    co_return;
  }
  if (line && !ending_ && !closed_) {
    if (!IsJsonObject(*line)) co_return EndClient(ClientEnd::kNotJson);
    requests_.Refuse(*line, reason);
  }
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
  written_ += unsent - replies_.UnsentBytes();
  full_ = result == ReplyWriter::Result::kFull;
  if (result == ReplyWriter::Result::kFailed) Close();
  if (!full_) return;
  WatchReplies();
  socket_.async_wait(asio::socket_base::wait_write, [self = shared_from_this()](asio::error_code error) {
    self->full_ = false;
    if (error) {
      self->Close();
    } else {
      self->OnProgress();
    }
  });
}

// To be called when a request was answered, the client has received replies, or its turn has come: what waited for that
// can continue.
void Connection::OnProgress() {
  // A call inside the loop below only adds to what the loop has to do.
  if (closed_ || std::exchange(progressing_, true)) return;
  do {
    Flush();
  } while (!closed_ && requests_.Continue());
  progressing_ = false;
  if (closed_) return;
  SettleMemory();
  if (HasRoom()) room_.cancel();
  turn_.Rest();
  FinishIfDone();
}

void Connection::EndClient(ClientEnd why) {
  ended_.Add(probe_, record_.peer(), why);
  if (served_) {
    EndNow(ClientEndText(why));
  } else {
    Close();
  }
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
  if (client_finished_ && !line_ && framer_.unfinished().empty() && !ending_ && requests_.idle() &&
      replies_.UnsentBytes() == 0) {
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
  line_timer_.cancel();
  reply_timer_.cancel();
  place_.GiveBack();
  on_closed_();
}

}  // namespace probegate
