// A call of GetDebugConfig, whatever its service.
//
// Its plan needs the file system and the servers, either of which may not answer. So a worker looks for the files, the
// list of probes comes when it comes, and the call ends after kBound in any case. The request is taken as bytes,
// because a parsed one may take many times as much memory, and would be kept until the call is answered.
//
// Threads: gRPC's, a worker, the timers'.
#pragma once

#include <chrono>
#include <memory>

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "access/service/caller.h"
#include "base/mutex.h"
#include "debug/debug_config.h"
#include "debug/debug_description.h"
#include "debug/grpc/message_limits.h"
#include "debug/session.h"

namespace probegate {

class ConfigCall final : public grpc::ServerUnaryReactor, public std::enable_shared_from_this<ConfigCall> {
 public:
  static constexpr std::chrono::seconds kBound{10};

  // Starts to answer a call; `Api` is one of debug/grpc/arduino_apis.h. The object deletes itself when gRPC is done
  // with it. `context` must outlive the server; the others are the call's.
  template <typename Api>
  static ConfigCall* Start(const DebugContext& context, Caller caller, const grpc::ByteBuffer& request,
                           grpc::ByteBuffer& response) {
    const auto write = [](const DebugDescription& description, const DebugConfig& config, grpc::ByteBuffer& bytes) {
      typename Api::ConfigResponse message;
      Api::Describe(description, config, message);
      bool own = false;
      return grpc::SerializationTraits<typename Api::ConfigResponse>::Serialize(message, &bytes, &own);
    };
    std::shared_ptr<ConfigCall> started(new ConfigCall(context, std::move(caller), response, write));
    started->Begin(Read<Api>(request), request.Length());
    return started.get();
  }

  void OnCancel() override { End(absl::CancelledError("the client is gone")); }
  void OnDone() override { const std::shared_ptr<ConfigCall> last = std::move(self_); }

 private:
  using Write = grpc::Status (*)(const DebugDescription& description, const DebugConfig& config,
                                 grpc::ByteBuffer& bytes);

  template <typename Api>
  static absl::StatusOr<DebugConfig> Read(const grpc::ByteBuffer& request) {
    if (request.Length() > kMaxConfigBytes) {
      return absl::InvalidArgumentError("the request has " + std::to_string(request.Length()) +
                                        " bytes; it may have at most " + std::to_string(kMaxConfigBytes));
    }
    typename Api::ConfigRequest message;
    grpc::ByteBuffer bytes = request;
    if (!grpc::SerializationTraits<typename Api::ConfigRequest>::Deserialize(&bytes, &message).ok()) {
      return absl::InvalidArgumentError("the request cannot be parsed");
    }
    return Api::Config(message);
  }

  ConfigCall(const DebugContext& context, Caller caller, grpc::ByteBuffer& response, Write write)
      : context_(context), caller_(std::move(caller)), response_(response), write_(write) {}

  void Begin(absl::StatusOr<DebugConfig> config, size_t bytes);
  // Takes what the call needs from the quotas.
  absl::Status Admit(size_t bytes);
  // On a worker.
  void FindFiles();
  void Answer(const ProbesAnswer& probes);
  // Does nothing if the call has ended already.
  void End(const absl::Status& status);

  const DebugContext& context_;
  const Caller caller_;
  grpc::ByteBuffer& response_;
  const Write write_;
  std::shared_ptr<ConfigCall> self_;  // until OnDone
  Quota::Grant place_;
  Quota::Grant memory_;
  DebugConfig config_;
  DebugPlan plan_;  // the worker's, and then whoever's that has the list of probes
  Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace probegate
