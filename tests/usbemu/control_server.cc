#include "tests/usbemu/control_server.h"

#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <utility>

#include "asio/buffer.hpp"
#include "asio/read_until.hpp"
#include "asio/write.hpp"

namespace probegate::usbemu {
namespace {

using Protocol = asio::local::stream_protocol;

struct Client : std::enable_shared_from_this<Client> {
  Client(Protocol::socket connected, Control& its_control) : socket(std::move(connected)), control(its_control) {}

  void Read() {
    asio::async_read_until(socket, asio::dynamic_buffer(text, kMaxControlLine), '\n',
                           [self = shared_from_this()](const asio::error_code& error, size_t size) {
                             if (error) return;
                             const std::string line = self->text.substr(0, size);
                             self->text.erase(0, size);
                             self->control.Handle(line, [self](const nlohmann::json& answer) { self->Write(answer); });
                             self->Read();
                           });
  }

  // A client reads its answers, so this does not block. If the client is gone, the error does not matter.
  void Write(const nlohmann::json& answer) {
    const std::string line = answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    asio::error_code ignored;
    asio::write(socket, asio::buffer(line), ignored);
  }

  Protocol::socket socket;
  Control& control;
  std::string text;
};

}  // namespace

ControlServer::ControlServer(asio::io_context& io, const std::string& path, Control& control)
    : path_(path), control_(control), acceptor_(io) {
  try {
    const Protocol::endpoint endpoint(path);
    acceptor_.open(endpoint.protocol());
    acceptor_.bind(endpoint);
    acceptor_.listen();
  } catch (const std::exception& failure) {
    throw std::runtime_error("no control socket at " + path + ": " + failure.what());
  }
  Accept();
}

ControlServer::~ControlServer() { unlink(path_.c_str()); }

void ControlServer::Accept() {
  acceptor_.async_accept([this](const asio::error_code& error, Protocol::socket socket) {
    if (error) return;
    std::make_shared<Client>(std::move(socket), control_)->Read();
    Accept();
  });
}

}  // namespace probegate::usbemu
