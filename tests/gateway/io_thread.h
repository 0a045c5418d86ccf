// A thread that runs an io_context until it has nothing left to do.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <thread>

#include "asio/io_context.hpp"

namespace probegate {

// Threads: one at a time.
class IoThread {
 public:
  // Must be joined or destroyed before `io`.
  explicit IoThread(asio::io_context& io)
      : io_(io), ended_(has_ended_.get_future()), thread_([this] {
          io_.run();
          has_ended_.set_value();
        }) {}
  ~IoThread() { Join(); }
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  // Waits until the io_context has run out of work. If it does not within the bound, it is stopped and the test fails.
  void Join() {
    if (!thread_.joinable()) return;
    if (ended_.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
      ADD_FAILURE() << "the io_context has not run out of work";
      io_.stop();
    }
    thread_.join();
  }

 private:
  asio::io_context& io_;
  std::promise<void> has_ended_;
  std::future<void> ended_;
  std::thread thread_;
};

}  // namespace probegate
