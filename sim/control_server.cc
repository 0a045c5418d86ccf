#include "sim/control_server.h"

#include <chrono>
#include <stdexcept>
#include <string>

#include "asio/co_spawn.hpp"
#include "asio/detached.hpp"
#include "asio/read_until.hpp"
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

asio::ip::tcp::acceptor ListenOnLoopback(asio::io_context& io, const asio::ip::tcp::endpoint& endpoint) {
  if (!endpoint.address().is_loopback()) {
    throw std::invalid_argument("the control port must be on a loopback address, not " +
                                endpoint.address().to_string());
  }
  return Listen(io, endpoint);
}

}  // namespace

ControlServer::ControlServer(asio::io_context& io, const asio::ip::tcp::endpoint& endpoint, const Control& control,
                             std::shared_ptr<spdlog::logger> log)
    : control_(control), log_(std::move(log)), acceptor_(ListenOnLoopback(io, endpoint)) {
  asio::co_spawn(io, AcceptClients(), asio::detached);
}

asio::awaitable<void> ControlServer::AcceptClients() {
  for (;;) {
    asio::error_code error;
    asio::ip::tcp::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      log_->warn("control: cannot accept a connection: {}", error.message());
      asio::steady_timer pause(acceptor_.get_executor(), kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    asio::co_spawn(acceptor_.get_executor(), Serve(std::move(socket)), asio::detached);
  }
}

asio::awaitable<void> ControlServer::Serve(asio::ip::tcp::socket socket) {
  asio::error_code error;
  socket.set_option(asio::ip::tcp::no_delay(true), error);
  std::string received;
  for (;;) {
    const size_t length = co_await asio::async_read_until(socket, asio::dynamic_buffer(received, kMaxControlLine), '\n',
                                                          asio::redirect_error(asio::use_awaitable, error));
    const bool too_long = error == asio::error::not_found;
    if (error && !too_long) co_return;
    std::string reply = too_long ? R"({"error":"the line is too long","ok":false})"
                                 : control_.Handle(std::string_view(received).substr(0, length - 1));
    reply += '\n';
    received.erase(0, length);
    co_await asio::async_write(socket, asio::buffer(reply), asio::redirect_error(asio::use_awaitable, error));
    if (error || too_long) co_return;
  }
}

}  // namespace probegate::sim
