#include "debug/grpc/probe_lister.h"

#include <chrono>

#include <grpcpp/grpcpp.h>

namespace probegate {
namespace {

constexpr std::chrono::seconds kBound{3};

std::unique_ptr<v1::ProbeDirectory::Stub> MakeStub(const Endpoint& server) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(20 << 20);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  // A server on this machine is not behind a proxy.
  if (IsLoopback(server.host)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return v1::ProbeDirectory::NewStub(
      grpc::CreateCustomChannel(server.ToString(), grpc::InsecureChannelCredentials(), arguments));
}

}  // namespace

ProbeLister::ProbeLister(const Endpoint& server) : server_(server), directory_(MakeStub(server)) {}

absl::StatusOr<v1::ListProbesResponse> ProbeLister::List() const {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kBound);
  v1::ListProbesResponse response;
  const grpc::Status status = directory_->ListProbes(&context, {}, &response);
  if (status.ok()) return response;
  return absl::UnavailableError("the probegate-server at " + server_.ToString() +
                                " does not answer: " + status.error_message());
}

}  // namespace probegate
