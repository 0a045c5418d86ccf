#include "base/grpc/signs_of_life.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include <grpcpp/create_channel_posix.h>

#include "absl/strings/str_cat.h"
#include "base/file_descriptor.h"
#include "base/grpc/counted_server.h"
#include "base/socket.h"

namespace probegate {

struct SignsOfLife::Call {
  grpc::ClientContext context;
  const grpc::Slice empty;
  grpc::ByteBuffer request{&empty, 1};
  grpc::ByteBuffer response;
};

absl::StatusOr<std::unique_ptr<SignsOfLife>> SignsOfLife::Start() {
  std::unique_ptr<SignsOfLife> signs(new SignsOfLife);
  if (absl::Status status = signs->Open(); !status.ok()) return status;
  return signs;
}

absl::Status SignsOfLife::Open() {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot serve gRPC: ", ErrorText(errno)));
  }
  FileDescriptor server_end(pair[0]);
  FileDescriptor client_end(pair[1]);
  // It serves no method: the answer is UNIMPLEMENTED.
  grpc::ServerBuilder builder;
  builder.RegisterCallbackGenericService(&service_);
  auto acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, grpc::InsecureServerCredentials());
  server_ = StartCounted(builder).server;
  if (server_ == nullptr) return absl::ResourceExhaustedError("cannot serve gRPC");
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
  parameters.listener_fd = -1;
  parameters.fd = server_end.Release();
  acceptor->HandleNewConnection(&parameters);
  stub_ = std::make_unique<grpc::GenericStub>(grpc::CreateInsecureChannelFromFd("self", client_end.Release()));
  return absl::OkStatus();
}

SignsOfLife::~SignsOfLife() {
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  MutexLock lock(mutex_);
  while (waiting_) done_.Wait(mutex_);
}

void SignsOfLife::Ask(Clock::time_point now) {
  {
    MutexLock lock(mutex_);
    if (waiting_) return;
    waiting_ = true;
    asked_ = now;
  }
  auto call = std::make_shared<Call>();
  stub_->UnaryCall(&call->context, "/Self/Check", {}, &call->request, &call->response, [this, call](grpc::Status) {
    MutexLock lock(mutex_);
    waiting_ = false;
    answered_ = asked_;
    done_.NotifyAll();
  });
}

bool SignsOfLife::late(Clock::time_point now) const {
  MutexLock lock(mutex_);
  return waiting_ && now > asked_ + kLate;
}

SignsOfLife::Clock::time_point SignsOfLife::answered() const {
  MutexLock lock(mutex_);
  return answered_;
}

}  // namespace probegate
