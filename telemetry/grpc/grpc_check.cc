#include "telemetry/grpc/grpc_check.h"

#include <memory>
#include <utility>

#include "base/grpc/health_call.h"

namespace probegate {

SelfCheck::Check GrpcCheck(const Endpoint& listening, SelfConnector::Expect expect) {
  const auto connector = std::make_shared<const SelfConnector>(listening, std::move(expect));
  return {.what = "gRPC on " + listening.ToString(), .run = [connector](Deadline deadline) {
            OpenedSocket opened = connector->Connect(deadline);
            if (opened.error != 0) return absl::UnavailableError("cannot connect: " + ErrorText(opened.error));
            return CallGrpcHealth(std::move(opened.socket), deadline);
          }};
}

}  // namespace probegate
