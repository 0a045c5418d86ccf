// What the gateway uses of servers: sessions on probes, and the list of probes. gateway/grpc/ implements this with
// gRPC; tests implement it with servers that fail on purpose.
//
// Callbacks run on the implementation's threads, one at a time per session or watch, and must not block. They may
// start, or still be running, during and after the destruction of the session or watch that they belong to, so they
// must own what they use.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "gateway/net/server_address.h"
#include "probegate/v1/debug_probe.pb.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

// A session. Destroying the object ends the session, without waiting. Threads: any, one at a time.
class UpstreamSession {
 public:
  virtual ~UpstreamSession() = default;

  // Queues a request. Never blocks. Responses come in the order of the requests. Does nothing if the session has ended.
  virtual void Send(v1::StreamRequest request) = 0;

  // Makes the end of the session noticed although no response is awaited. To be called if no request has been sent for
  // a moment. Not done earlier, because listening costs each end one more wake-up per response (an HTTP/2 window
  // update).
  virtual void Listen() = 0;

  // Delivers responses again after on_response has asked for a pause. To be called once for each pause. The call may
  // come before the on_response that asks for the pause has returned.
  virtual void Resume() = 0;
};

struct SessionHandler {
  // A response has arrived. Returning false asks for a pause: no more are delivered until Resume.
  std::function<bool(v1::StreamResponse response)> on_response;
  // The session has ended. No callback follows. `reason` is for people to read.
  std::function<void(std::string reason)> on_end;
};

// A stream of the probes' states. Destroying the object ends the stream.
class UpstreamWatch {
 public:
  virtual ~UpstreamWatch() = default;
};

enum class WatchEnd : uint8_t {
  kUnreachable,   // the server cannot be reached, or the connection was lost: worth another attempt
  kIncompatible,  // the server does not speak probegate.v1
};

struct WatchHandler {
  std::function<void(v1::WatchProbesResponse event)> on_event;
  // The stream has ended. No callback follows. `reason` is for people to read.
  std::function<void(WatchEnd end, std::string reason)> on_end;
};

// One server. Threads: any. What its handlers post to (an io_context) must outlive it. It may be released while it
// still has sessions and watches.
class Upstream {
 public:
  virtual ~Upstream() = default;

  // Opens a session. This sends the first request, which carries `traceparent` (W3C Trace Context, or empty); its
  // response is the first that the handler gets. If the server is unreachable, the session ends at once.
  virtual std::unique_ptr<UpstreamSession> OpenSession(v1::OpenSessionRequest request, std::string traceparent,
                                                       SessionHandler handler) = 0;

  virtual std::unique_ptr<UpstreamWatch> WatchProbes(WatchHandler handler) = 0;
};

// Makes upstreams. Must outlive them. Threads: any.
class Upstreams {
 public:
  virtual ~Upstreams() = default;

  // Does not block: the connection is made for the first session or watch.
  virtual std::shared_ptr<Upstream> To(const ServerAddress& server) = 0;
};

}  // namespace probegate
