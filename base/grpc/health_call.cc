#include "base/grpc/health_call.h"

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

namespace probegate {
namespace {

constexpr char kMethod[] = "/grpc.health.v1.Health/Check";
constexpr std::chrono::milliseconds kHanging{1'000};  // gRPC itself ends a call at its deadline, unless it hangs

// Lives until gRPC has ended the call.
struct HealthCall {
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  std::promise<grpc::Status> status;
};

}  // namespace

absl::Status CallGrpcHealth(FileDescriptor socket, Deadline deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  // The channel takes the socket. It makes no other connection.
  const auto channel = grpc::CreateInsecureChannelFromFd("self-check", socket.Release());
  const auto call = std::make_shared<HealthCall>();
  const grpc::Slice nothing("");
  call->request = grpc::ByteBuffer(&nothing, 1);
  call->context.set_deadline(std::chrono::system_clock::now() + left);
  auto status = call->status.get_future();
  grpc::GenericStub stub(channel);
  stub.UnaryCall(&call->context, kMethod, grpc::StubOptions(), &call->request, &call->response,
                 [call](grpc::Status ended) { call->status.set_value(std::move(ended)); });
  if (status.wait_until(deadline + kHanging) != std::future_status::ready) {
    return absl::DeadlineExceededError("the call is not answered");
  }
  const grpc::Status ended = status.get();
  if (ended.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::DeadlineExceededError("the call is not answered");
  }
  if (!ended.ok()) return absl::UnavailableError("the call failed: " + ended.error_message());
  return absl::OkStatus();
}

}  // namespace probegate
