// A gRPC service whose messages are raw bytes, and whose calls decide themselves when a message is read.
//
// A service of the generated code reads and parses the whole message of a unary call before the program hears of the
// call. Here each method, unary or not, is served as a stream in both directions, which looks the same on the wire: a
// unary call is a stream of one message each way (gRPC over HTTP/2, PROTOCOL-HTTP2.md).
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

namespace probegate {

class RawService : public grpc::Service {
 public:
  using Call = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

  // "/package.Service/Method" of each method.
  const std::deque<std::string>& paths() const { return paths_; }

 protected:
  // Adds the method at `path`. `start` is called for each call, on gRPC's threads; the reactor that it returns owns
  // itself.
  void Add(std::string path, std::function<Call*(grpc::CallbackServerContext* context)> start) {
    paths_.push_back(std::move(path));  // gRPC keeps the pointer
    AddMethod(new grpc::internal::RpcServiceMethod(paths_.back().c_str(), grpc::internal::RpcMethod::BIDI_STREAMING,
                                                   nullptr));
    MarkMethodRawCallback(
        static_cast<int>(paths_.size()) - 1,
        new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, grpc::ByteBuffer>(std::move(start)));
  }

 private:
  std::deque<std::string> paths_;
};

}  // namespace probegate
