#include "sim/uart_server.h"

#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <utility>

#include "asio/buffer.hpp"
#include "asio/co_spawn.hpp"
#include "asio/detached.hpp"
#include "asio/post.hpp"
#include "asio/redirect_error.hpp"
#include "asio/steady_timer.hpp"
#include "asio/use_awaitable.hpp"
#include "asio/write.hpp"
#include "sim/endpoint.h"
#include "spdlog/spdlog.h"

namespace probegate::sim {
namespace {

// After an error such as running out of file descriptors, retrying immediately would only fill the log.
constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

struct UartServer::Client {
  explicit Client(asio::ip::tcp::socket connected) : socket(std::move(connected)), wake(socket.get_executor()) {}

  asio::ip::tcp::socket socket;
  asio::steady_timer wake;  // cancelled when there is something to send, or the client is gone
};

// The bytes to be sent: handed over by the thread on which the board runs to that of the sockets.
struct UartServer::Outbox {
  explicit Outbox(asio::io_context& context) : io(context) {}

  // To be called, with the mutex held, when bytes have been added. Until a posted wake-up has run, no other is posted.
  void Wake(const std::shared_ptr<Outbox>& self) {
    if (server == nullptr || std::exchange(posted, true)) return;
    asio::post(io, [self] {
      const std::lock_guard lock(self->mutex);
      self->posted = false;
      if (self->server != nullptr && self->server->client_) self->server->client_->wake.cancel();
    });
  }

  std::string Take() {
    const std::lock_guard lock(mutex);
    return std::exchange(bytes, {});
  }

  asio::io_context& io;
  std::mutex mutex;
  std::string bytes;             // guarded by mutex
  bool posted = false;           // guarded by mutex
  UartServer* server = nullptr;  // guarded by mutex; null after it has been destroyed
};

UartServer::UartServer(asio::io_context& io, const asio::ip::tcp::endpoint& endpoint,
                       std::shared_ptr<spdlog::logger> log, std::string board)
    : log_(std::move(log)),
      board_(std::move(board)),
      acceptor_(Listen(io, endpoint)),
      endpoint_(acceptor_.local_endpoint()),
      outbox_(std::make_shared<Outbox>(io)) {
  outbox_->server = this;
  asio::co_spawn(io, AcceptClients(), asio::detached);
}

UartServer::~UartServer() {
  const std::lock_guard lock(outbox_->mutex);
  outbox_->server = nullptr;
}

std::function<void(uint8_t)> UartServer::Sender() const {
  return [outbox = outbox_](uint8_t byte) {
    const std::lock_guard lock(outbox->mutex);
    std::string& bytes = outbox->bytes;
    // Drop half of the bytes at once; dropping them one by one would move all the others each time.
    if (bytes.size() == 2 * kWaitingBytes) bytes.erase(0, kWaitingBytes);
    bytes += static_cast<char>(byte);
    outbox->Wake(outbox);
  };
}

asio::awaitable<void> UartServer::AcceptClients() {
  while (acceptor_.is_open()) {
    asio::error_code error;
    asio::ip::tcp::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      log_->warn("{}: cannot accept a connection to the serial port: {}", board_, error.message());
      asio::steady_timer pause(acceptor_.get_executor(), kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    if (client_ && !PeerIsThere(client_->socket)) Close(*client_);
    if (client_) {
      log_->debug("{}: connection to the serial port refused: in use by another client", board_);
      continue;
    }
    socket.set_option(asio::ip::tcp::no_delay(true), error);
    client_ = std::make_shared<Client>(std::move(socket));
    asio::co_spawn(acceptor_.get_executor(), Read(client_), asio::detached);
    asio::co_spawn(acceptor_.get_executor(), Write(client_), asio::detached);
  }
}

asio::awaitable<void> UartServer::Read(std::shared_ptr<Client> client) {
  std::array<uint8_t, 4096> bytes;
  for (;;) {
    asio::error_code error;
    const size_t size =
        co_await client->socket.async_read_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    if (received_) received_(std::span(bytes).first(size));
  }
  Close(*client);
}

asio::awaitable<void> UartServer::Write(std::shared_ptr<Client> client) {
  while (client->socket.is_open()) {
    // Bytes that are sent to a client that has gone would be missing for the next one.
    if (!PeerIsThere(client->socket)) {
      Close(*client);
      break;
    }
    const std::string bytes = outbox_->Take();
    asio::error_code error;
    if (bytes.empty()) {
      client->wake.expires_at(asio::steady_timer::time_point::max());
      co_await client->wake.async_wait(asio::redirect_error(asio::use_awaitable, error));
    } else {
      co_await asio::async_write(client->socket, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
      if (error) Close(*client);
    }
  }
}

void UartServer::Close(Client& client) {
  asio::error_code ignored;
  client.socket.close(ignored);
  client.wake.cancel();
  if (client_.get() == &client) client_ = nullptr;
}

}  // namespace probegate::sim
