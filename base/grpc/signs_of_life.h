// Tells whether gRPC still serves calls in this process, by making them.
//
// The calls go the way of every other: over a pair of sockets that gRPC polls together with all connections, and
// through its threads for callbacks, to a server of their own.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <memory>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace probegate {

class SignsOfLife {
 public:
  using Clock = std::chrono::steady_clock;
  // A call is late after this time. Usually it takes less than a millisecond.
  static constexpr std::chrono::milliseconds kLate{10};

  // RESOURCE_EXHAUSTED if the system has no file left.
  static absl::StatusOr<std::unique_ptr<SignsOfLife>> Start();
  // Waits until no call is in progress.
  ~SignsOfLife();
  SignsOfLife(const SignsOfLife&) = delete;
  SignsOfLife& operator=(const SignsOfLife&) = delete;

  // Makes a call, unless one is in progress.
  void Ask(Clock::time_point now);

  // Whether a call is in progress, and late at `now`.
  bool late(Clock::time_point now) const;

  // When the last call was made that has been answered. What gRPC had to serve before it, it has served.
  Clock::time_point answered() const;

 private:
  struct Call;

  SignsOfLife() = default;
  absl::Status Open();

  grpc::CallbackGenericService service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::GenericStub> stub_;
  mutable Mutex mutex_;
  CondVar done_;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
  Clock::time_point asked_ ABSL_GUARDED_BY(mutex_);     // when the last call was made
  Clock::time_point answered_ ABSL_GUARDED_BY(mutex_);  // when the last answered call was made
};

}  // namespace probegate
