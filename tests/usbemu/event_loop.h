// The events that usbemu's only thread waits for: a descriptor becomes readable, a time is reached. Each of these
// objects calls its function until it is destroyed, and never afterwards.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "asio/io_context.hpp"
#include "asio/posix/stream_descriptor.hpp"
#include "asio/steady_timer.hpp"

namespace probegate::usbemu {

using Clock = std::chrono::steady_clock;

class ReadWatch {
 public:
  // Takes ownership of `fd`. Calls `on_readable` each time that `fd` can be read or has reached its end.
  ReadWatch(asio::io_context& io, int fd, std::function<void()> on_readable)
      : state_(std::make_shared<State>(io, fd, std::move(on_readable))) {
    Wait(state_);
  }
  ~ReadWatch() {
    state_->ended = true;
    asio::error_code ignored;
    state_->descriptor.close(ignored);
  }
  ReadWatch(const ReadWatch&) = delete;
  ReadWatch& operator=(const ReadWatch&) = delete;

 private:
  struct State {
    State(asio::io_context& io, int fd, std::function<void()> function)
        : descriptor(io, fd), on_readable(std::move(function)) {}
    asio::posix::stream_descriptor descriptor;
    std::function<void()> on_readable;
    bool ended = false;
  };

  static void Wait(const std::shared_ptr<State>& state) {
    state->descriptor.async_wait(asio::posix::stream_descriptor::wait_read, [state](const asio::error_code& error) {
      if (error || state->ended) return;
      state->on_readable();
      if (!state->ended) Wait(state);
    });
  }

  std::shared_ptr<State> state_;
};

class Alarm {
 public:
  Alarm(asio::io_context& io, std::function<void()> on_due) : state_(std::make_shared<State>(io, std::move(on_due))) {}
  ~Alarm() {
    state_->ended = true;
    state_->timer.cancel();
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  bool set() const { return state_->set; }

  // Replaces the time that was set before.
  void Set(Clock::time_point due) {
    state_->set = true;
    state_->timer.expires_at(due);
    state_->timer.async_wait([state = state_](const asio::error_code& error) {
      if (error || state->ended) return;
      state->set = false;
      state->on_due();
    });
  }

 private:
  struct State {
    State(asio::io_context& io, std::function<void()> function) : timer(io), on_due(std::move(function)) {}
    asio::steady_timer timer;
    std::function<void()> on_due;
    bool set = false;
    bool ended = false;
  };

  std::shared_ptr<State> state_;
};

}  // namespace probegate::usbemu
