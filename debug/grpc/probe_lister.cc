#include "debug/grpc/probe_lister.h"

#include <chrono>

#include <grpcpp/grpcpp.h>

#include "base/grpc/channel.h"

namespace probegate {
namespace {

constexpr std::chrono::seconds kBound{3};

}  // namespace

ProbeLister::ProbeLister(const Endpoint& server)
    : server_(server), directory_(v1::ProbeDirectory::NewStub(MakeChannel(server.ToString()))) {}

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
