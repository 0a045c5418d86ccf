// Connects a DebugCall to the stream of one service. `Api` is one of debug/grpc/arduino_apis.h: its messages, and what
// is in them.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "debug/grpc/debug_call.h"

namespace probegate {

template <typename Api>
class DebugStream final : public grpc::ServerBidiReactor<typename Api::Request, typename Api::Response>,
                          public DebugCall {
 public:
  // The object deletes itself when gRPC is done with it. `sessions` must outlive the server; `context` is the call's.
  static DebugStream* Start(DebugSessions& sessions, grpc::CallbackServerContext& context, Caller caller,
                            RpcScope rpc) {
    std::shared_ptr<DebugStream> stream(new DebugStream(sessions, context, std::move(caller), std::move(rpc)));
    DebugStream* const started = stream.get();
    started->Begin(std::move(stream));
    return started;
  }

  void OnReadDone(bool ok) override {
    if (!ok) return ReadEnd();
    DebugMessage message = Api::Take(request_);
    // Clear would keep the memory that the message took.
    request_ = typename Api::Request();
    Read(std::move(message));
  }
  void OnWriteDone(bool /*ok*/) override { Written(); }
  void OnCancel() override { Cancelled(); }
  void OnDone() override { Done(); }

 private:
  DebugStream(DebugSessions& sessions, grpc::CallbackServerContext& context, Caller caller, RpcScope rpc)
      : DebugCall(sessions, context, std::move(caller), std::move(rpc), Api::kConfigField) {}

  void StartReading() override { this->StartRead(&request_); }
  void StartWriting(std::string bytes) override {
    Api::SetOutput(std::move(bytes), response_);
    this->StartWrite(&response_);
  }
  void WriteEndAndFinish(const DebugEnd& end, const grpc::Status& status) override {
    Api::SetEnd(end, response_);
    this->StartWriteAndFinish(&response_, grpc::WriteOptions(), status);
  }
  void FinishWith(const grpc::Status& status) override { this->Finish(status); }

  typename Api::Request request_;    // being read
  typename Api::Response response_;  // being written
};

}  // namespace probegate
