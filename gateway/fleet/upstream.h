// What the gateway asks of servers: sessions on probes, and the list of probes. gateway/grpc/ implements it with gRPC;
// tests have servers that fail on purpose.
//
// Callbacks come from threads of the implementation, one at a time per session or watch, and must not block. They may
// still come, or be running, while and after the object that they belong to is destroyed: they hold on to what they
// need.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "gateway/net/server_address.h"
#include "probegate/v1/debug_probe.pb.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

// A session, whose life is this object's: destroying it ends the session without waiting. Threads: any, one at a time.
class UpstreamSession {
 public:
  virtual ~UpstreamSession() = default;

  // Queues a request; never blocks. Responses come in the order of the requests. Nothing happens once the session has
  // ended.
  virtual void Send(v1::StreamRequest request) = 0;

  // Has it noticed that the session ends, though no response is awaited: whoever has sent no request for a moment calls
  // this. It is put off until then because to listen costs both ends a wake-up besides each response's (an HTTP/2
  // window update).
  virtual void Listen() = 0;

  // Goes on with responses, after on_response asked for a pause: once for each pause. It may overtake the return of the
  // on_response that asks.
  virtual void Resume() = 0;
};

struct SessionHandler {
  // A response. False asks for a pause: no more come until Resume.
  std::function<bool(v1::StreamResponse response)> on_response;
  // The session has ended: nothing comes after this. `reason` is for a person.
  std::function<void(std::string reason)> on_end;
};

// A stream of the probes' states; destroying it ends it.
class UpstreamWatch {
 public:
  virtual ~UpstreamWatch() = default;
};

enum class WatchEnd : uint8_t {
  kUnreachable,   // there is no server, or no more: worth another try
  kIncompatible,  // what is there does not speak probegate.v1
};

struct WatchHandler {
  std::function<void(v1::WatchProbesResponse event)> on_event;
  // Nothing comes after this. `reason` is for a person.
  std::function<void(WatchEnd end, std::string reason)> on_end;
};

// One server. Threads: any. It is outlived by what its handlers post to (an io_context), and may be let go while
// sessions and watches are there.
class Upstream {
 public:
  virtual ~Upstream() = default;

  // Opens a session; its first request, which carries `traceparent` (W3C Trace Context, or empty), is already on the
  // way. Its response is the first that the handler gets. Where the server is out of reach the session ends at once.
  virtual std::unique_ptr<UpstreamSession> OpenSession(v1::OpenSessionRequest request, std::string traceparent,
                                                       SessionHandler handler) = 0;

  virtual std::unique_ptr<UpstreamWatch> WatchProbes(WatchHandler handler) = 0;
};

// Makes upstreams, and outlives them. Threads: any.
class Upstreams {
 public:
  virtual ~Upstreams() = default;

  // Does not block: the server is looked for with the first session or watch.
  virtual std::shared_ptr<Upstream> To(const ServerAddress& server) = 0;
};

}  // namespace probegate
