// A gRPC service whose messages are raw bytes, and whose calls decide themselves when a message is read.
//
// A service of the generated code reads and parses the whole message of a unary call before the program hears of the
// call. Here each method, unary or not, is served as a stream in both directions, which looks the same on the wire: a
// unary call is a stream of one message each way (gRPC over HTTP/2, PROTOCOL-HTTP2.md).
//
// Every call passes the gate first (access/grpc/call_gate.h). A call that it refuses is counted, and ends at once.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "access/grpc/call_gate.h"
#include "access/service/caller.h"
#include "telemetry/grpc/rpc_metrics.h"

namespace probegate {

class RawService : public grpc::Service {
 public:
  using Call = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

  // `gate` must outlive this.
  explicit RawService(const CallGate& gate) : gate_(gate) {}

  // "/package.Service/Method" of each method.
  const std::deque<std::string>& paths() const { return paths_; }

 protected:
  // Begins a call, on gRPC's threads; the reactor that it returns owns itself. `rpc` counts the call.
  using Start = std::function<Call*(grpc::CallbackServerContext& context, Caller caller, RpcScope rpc)>;

  // Adds the method at `path`.
  void Add(const std::string& path, Start start);

 private:
  const CallGate& gate_;
  std::deque<std::string> paths_;
};

}  // namespace probegate
