#include "sim/board_server.h"

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "asio/buffer.hpp"
#include "asio/co_spawn.hpp"
#include "asio/detached.hpp"
#include "asio/executor_work_guard.hpp"
#include "asio/redirect_error.hpp"
#include "asio/steady_timer.hpp"
#include "asio/use_awaitable.hpp"
#include "asio/write.hpp"
#include "sim/cmsis_dap/message.h"
#include "sim/endpoint.h"
#include "sim/precise_wait.h"
#include "sim/tcp_framing.h"
#include "spdlog/spdlog.h"

namespace probegate::sim {
namespace {

// The board's thread blocks for the last part of a wait, to be on time.
constexpr std::chrono::milliseconds kBlockingWait{1};

// How long a probe with few buffers works on a packet: as long as a frame of full-speed USB.
constexpr std::chrono::milliseconds kPacketWork{1};

// After an error such as running out of file descriptors, retrying immediately would only fill the log.
constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

struct BoardServer::Client {
  explicit Client(asio::ip::tcp::socket connected) : socket(std::move(connected)), timer(socket.get_executor()) {}

  // As RequestFramer::Next, but what waits in the probe's buffers comes first. The packet stays valid until the next
  // call, and until Space is called.
  RequestFramer::Status Next(std::span<const uint8_t>& packet) {
    if (buffered.empty()) return framer.Next(packet);
    executed = std::move(buffered.front());
    buffered.pop_front();
    packet = executed.bytes;
    return executed.status;
  }

  struct Packet {
    RequestFramer::Status status = RequestFramer::Status::kPacket;
    std::vector<uint8_t> bytes;
  };

  asio::ip::tcp::socket socket;
  asio::steady_timer timer;
  RequestFramer framer;
  std::deque<Packet> buffered;  // with the quirk packet-buffers
  Packet executed;              // the last that was taken from there
  std::vector<uint8_t> stale;   // a reply that is held back, with its header
};

BoardServer::BoardServer(unsigned index, std::unique_ptr<Board> board, const asio::ip::tcp::endpoint& endpoint,
                         std::shared_ptr<spdlog::logger> log, Engine::Pace pace)
    : index_(index),
      board_(std::move(board)),
      log_(std::move(log)),
      pace_(pace),
      engine_(board_->chip(), pace),
      acceptor_(Listen(io_, endpoint)),
      endpoint_(acceptor_.local_endpoint()) {
  asio::co_spawn(io_, AcceptClients(), asio::detached);
  thread_ = std::thread([this] { Run(); });
}

BoardServer::~BoardServer() {
  io_.stop();
  thread_.join();
}

void BoardServer::Run() {
  UsePreciseSleep();
  const auto work = asio::make_work_guard(io_);
  io_.run();
}

void BoardServer::Unplug() {
  asio::error_code ignored;
  acceptor_.close(ignored);
  if (client_ != nullptr) Close(*client_);
  client_ = nullptr;
  const Engine::Stop stop(engine_);
  board_->device().Unplug();
}

void BoardServer::Plug() {
  if (plugged()) return;
  acceptor_ = Listen(io_, endpoint_);
  asio::co_spawn(io_, AcceptClients(), asio::detached);
}

void BoardServer::PowerCycle() {
  {
    const Engine::Stop stop(engine_);
    board_->chip().PowerCycle();
  }
  if (!board_->link_quirks().powered_by_target || !plugged()) return;
  Unplug();
  Plug();
}

void BoardServer::Close(Client& client) {
  asio::error_code ignored;
  client.timer.cancel();
  client.socket.close(ignored);
}

asio::awaitable<void> BoardServer::AcceptClients() {
  for (;;) {
    asio::error_code error;
    asio::ip::tcp::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      log_->warn("board {}: cannot accept a connection: {}", index_, error.message());
      asio::steady_timer pause(acceptor_.get_executor(), kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    TakeClient(std::move(socket));
  }
}

void BoardServer::TakeClient(asio::ip::tcp::socket socket) {
  if (client_ != nullptr && PeerIsThere(client_->socket)) {
    ++counters_.refused;
    log_->warn("board {}: connection refused: the probe is in use by another client", index_);
    return;
  }
  if (client_ != nullptr) Close(*client_);
  OfferStream(false);
  asio::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  ++counters_.connections;
  log_->debug("board {}: client connected", index_);
  client_ = std::make_shared<Client>(std::move(socket));
  asio::co_spawn(io_, Serve(client_), asio::detached);
}

asio::awaitable<void> BoardServer::Serve(std::shared_ptr<Client> client) {
  TimePoint start;
  for (;;) {
    std::span<const uint8_t> packet;
    const RequestFramer::Status status = client->Next(packet);
    if (status == RequestFramer::Status::kBad) {
      log_->warn("board {}: connection closed: received something other than a CMSIS-DAP request", index_);
      break;
    }
    if (status == RequestFramer::Status::kIncomplete) {
      const std::span<uint8_t> space = client->framer.Space();
      asio::error_code error;
      const size_t count = co_await client->socket.async_read_some(asio::buffer(space.data(), space.size()),
                                                                   asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
      client->framer.Commit(count);
      start = std::chrono::steady_clock::now();
      continue;
    }
    if (status == RequestFramer::Status::kTrace) {
      if (!co_await SendTrace(*client, packet)) break;
      continue;
    }
    ++counters_.packets;
    bool sent = true;
    const std::span<const Reply> replies = Process(packet);
    if (board_->link_quirks().packet_buffers != 0) {
      start += kPacketWork;
      co_await WorkAndLosePackets(*client, start);
    }
    for (const Reply& reply : replies) {
      start += board_->latency() + reply.busy;
      sent = co_await SendReply(*client, reply, start);
      if (!sent) break;
    }
    if (!sent) break;
  }
  Close(*client);
  if (client_ == client) {
    OfferStream(false);
    client_ = nullptr;
    log_->debug("board {}: client disconnected", index_);
  }
}

std::span<const Reply> BoardServer::Process(std::span<const uint8_t> packet) {
  const Engine::Stop stop(engine_);
  const std::span<const Reply> replies = board_->device().Process(packet);
  if (pace_ == Engine::Pace::kWire) {
    board_->chip().FollowWire();
    for (const Reply& reply : replies) {
      board_->chip().Advance(board_->chip().clock().FromMicroseconds(static_cast<uint64_t>(reply.busy.count())));
    }
  }
  return replies;
}

// Works until `due` on the packet that is executed, and then looks at what has arrived meanwhile.
asio::awaitable<void> BoardServer::WorkAndLosePackets(Client& client, TimePoint due) {
  co_await WaitFor(client, due);
  asio::error_code error;
  for (;;) {
    std::span<const uint8_t> packet;
    RequestFramer::Status status;
    while ((status = client.framer.Next(packet)) == RequestFramer::Status::kPacket ||
           status == RequestFramer::Status::kTrace) {
      const bool room = client.buffered.size() + 1 < board_->link_quirks().packet_buffers;
      if (room || status == RequestFramer::Status::kTrace) {
        client.buffered.push_back({status, {packet.begin(), packet.end()}});
      } else {
        ++counters_.lost;
      }
    }
    if (status == RequestFramer::Status::kBad || client.socket.available(error) == 0 || error) co_return;
    const std::span<uint8_t> space = client.framer.Space();
    client.framer.Commit(client.socket.read_some(asio::buffer(space.data(), space.size()), error));
    if (error) co_return;
  }
}

asio::awaitable<void> BoardServer::WaitFor(Client& client, TimePoint due) {
  if (due - std::chrono::steady_clock::now() > kBlockingWait) {
    client.timer.expires_at(due - kBlockingWait);
    asio::error_code ignored;
    co_await client.timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (!client.socket.is_open()) co_return;
  }
  WaitUntil(due);
}

// Returns false if the connection cannot be used any more.
asio::awaitable<bool> BoardServer::SendReply(Client& client, const Reply& reply, TimePoint due) {
  const std::optional<ReplyFault> fault = board_->NextReplyFault();
  if (fault) due += fault->delay;
  if (due > std::chrono::steady_clock::now()) co_await WaitFor(client, due);
  if (!client.socket.is_open()) co_return false;

  size_t size = reply.size;
  uint8_t first = reply.buffer[0];
  if (fault && fault->kind == ReplyFault::Kind::kTruncate) size = 1;
  if (fault && fault->kind == ReplyFault::Kind::kCommand) first = static_cast<uint8_t>(~first);
  FrameHeader header = ResponseHeader(static_cast<uint16_t>(size));
  if (fault && fault->kind == ReplyFault::Kind::kSignature) header[0] = static_cast<uint8_t>(~header[0]);
  if (fault && fault->kind == ReplyFault::Kind::kDrop) co_return true;
  if (fault && fault->kind == ReplyFault::Kind::kUnplug) {
    Unplug();
    co_return false;
  }
  const std::vector<uint8_t> stale = std::exchange(client.stale, {});
  const asio::const_buffer rest = asio::buffer(reply.buffer.data() + 1, size - 1);
  std::vector<asio::const_buffer> buffers = {asio::buffer(stale), asio::buffer(header), asio::buffer(&first, 1), rest};
  if (fault && fault->kind == ReplyFault::Kind::kStale) {
    client.stale.resize(asio::buffer_size(buffers));
    asio::buffer_copy(asio::buffer(client.stale), buffers);
    co_return true;
  }
  if (fault && fault->kind == ReplyFault::Kind::kRepeat) {
    buffers.insert(buffers.end(), {asio::buffer(header), asio::buffer(&first, 1), rest});
  }
  asio::error_code error;
  co_await asio::async_write(client.socket, buffers, asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

void BoardServer::OfferStream(bool offered) {
  const Engine::Stop stop(engine_);
  board_->device().swo().OfferStream(offered);
}

// Returns false if the connection cannot be used any more.
asio::awaitable<bool> BoardServer::SendTrace(Client& client, std::span<const uint8_t> request) {
  std::array<uint8_t, SwoCapture::kBufferBytes> bytes;
  const size_t room = RequestReader(request).U16();
  size_t count = 0;
  {
    const Engine::Stop stop(engine_);
    SwoCapture& swo = board_->device().swo();
    if (client_.get() == &client) swo.OfferStream(true);
    count = swo.ReadStream({bytes.data(), std::min(room, bytes.size())});
  }
  const FrameHeader header = TraceHeader(static_cast<uint16_t>(count));
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(header), asio::buffer(bytes.data(), count)};
  asio::error_code error;
  co_await asio::async_write(client.socket, buffers, asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

}  // namespace probegate::sim
