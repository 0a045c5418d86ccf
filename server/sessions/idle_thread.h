// The thread that ends sessions of unary calls that are idle, as long as this object lives.
#pragma once

#include <thread>

#include "server/sessions/unary_sessions.h"

namespace probegate {

class IdleThread {
 public:
  // `sessions` must outlive this, and use the system's clock.
  explicit IdleThread(UnarySessions& sessions)
      : sessions_(sessions), thread_([&sessions] {
          while (sessions.AwaitIdle()) sessions.EndIdle();
        }) {}
  // Waits until the thread has ended.
  ~IdleThread() {
    sessions_.StopWaiting();
    thread_.join();
  }
  IdleThread(const IdleThread&) = delete;
  IdleThread& operator=(const IdleThread&) = delete;

 private:
  UnarySessions& sessions_;
  std::thread thread_;
};

}  // namespace probegate
