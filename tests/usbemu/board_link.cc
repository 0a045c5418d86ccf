#include "tests/usbemu/board_link.h"

#include <stdexcept>
#include <utility>

#include "asio/buffer.hpp"
#include "asio/connect.hpp"
#include "asio/write.hpp"

namespace probegate::usbemu {
namespace {

constexpr size_t kHeaderSize = 8;
constexpr std::array<uint8_t, 4> kSignature = {'D', 'A', 'P', 0};
constexpr uint8_t kRequest = 1;
constexpr uint8_t kResponse = 2;
constexpr uint8_t kTraceRequest = 3;
constexpr uint8_t kTrace = 4;

}  // namespace

struct BoardLink::State {
  explicit State(asio::io_context& io) : socket(io) {}

  asio::ip::tcp::socket socket;
  Events events;
  std::array<uint8_t, 4096> buffer{};
  Bytes received;
  bool ended = false;
};

BoardLink::BoardLink(asio::io_context& io, const BoardAddress& address, Events events)
    : state_(std::make_shared<State>(io)) {
  state_->events = std::move(events);
  asio::error_code error;
  asio::ip::tcp::resolver resolver(io);
  const auto found = resolver.resolve(address.host, std::to_string(address.port), error);
  if (!error) asio::connect(state_->socket, found, error);
  if (!error) state_->socket.set_option(asio::ip::tcp::no_delay(true), error);
  if (error) {
    throw std::runtime_error("no board at " + address.host + ":" + std::to_string(address.port) + ": " +
                             error.message());
  }
  Receive(state_);
}

BoardLink::~BoardLink() { Close(); }

void BoardLink::Close() {
  state_->ended = true;
  asio::error_code ignored;
  state_->socket.close(ignored);
}

void BoardLink::Send(const Bytes& request) { SendFrame(kRequest, request); }

void BoardLink::AskTrace(uint16_t most) {
  Bytes contents;
  Append16(contents, most);
  SendFrame(kTraceRequest, contents);
}

void BoardLink::SendFrame(uint8_t type, const Bytes& contents) {
  if (state_->ended) return;
  Bytes frame(kSignature.begin(), kSignature.end());
  Append16(frame, static_cast<unsigned>(contents.size()));
  Append(frame, {type, 0});
  Append(frame, contents);
  // The device never has more requests than the socket buffers hold, so this does not block. Receiving notices errors.
  asio::error_code ignored;
  asio::write(state_->socket, asio::buffer(frame), ignored);
}

void BoardLink::Receive(const std::shared_ptr<State>& state) {
  state->socket.async_read_some(asio::buffer(state->buffer), [state](const asio::error_code& error, size_t count) {
    if (state->ended) return;
    if (error) {
      Lose(*state);
      return;
    }
    state->received.insert(state->received.end(), state->buffer.begin(), state->buffer.begin() + count);
    if (!TakeReplies(*state)) {
      Lose(*state);
      return;
    }
    if (!state->ended) Receive(state);
  });
}

// Returns false if the received bytes are not a reply.
bool BoardLink::TakeReplies(State& state) {
  while (!state.ended && state.received.size() >= kHeaderSize) {
    const Bytes& bytes = state.received;
    const uint8_t type = bytes[6];
    if (!std::equal(kSignature.begin(), kSignature.end(), bytes.begin())) return false;
    if (type != kResponse && type != kTrace) return false;
    const size_t end = kHeaderSize + (bytes[4] | static_cast<size_t>(bytes[5]) << 8);
    if (bytes.size() < end) break;
    Bytes reply(bytes.begin() + kHeaderSize, bytes.begin() + static_cast<ptrdiff_t>(end));
    state.received.erase(state.received.begin(), state.received.begin() + static_cast<ptrdiff_t>(end));
    (type == kTrace ? state.events.on_trace : state.events.on_reply)(std::move(reply));
  }
  return true;
}

void BoardLink::Lose(State& state) {
  state.ended = true;
  state.events.on_lost();
}

}  // namespace probegate::usbemu
