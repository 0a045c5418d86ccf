// A server that tests control: it answers automatically or only when told to, and ends sessions when told to.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "gateway/fleet/read_gate.h"
#include "gateway/fleet/upstream.h"

namespace probegate {

// Waits for `condition`, which is called with `mutex` held. Returns false if it does not become true within a bound.
bool WaitFor(Mutex& mutex, CondVar& changed, const std::function<bool()>& condition)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

// One session as the server sees it. Threads: any.
class FakeSession {
 public:
  FakeSession(v1::OpenSessionRequest opening, std::string traceparent, SessionHandler handler)
      : opening_(std::move(opening)), traceparent_(std::move(traceparent)), handler_(std::move(handler)) {
    static_cast<void>(gate_.Expect());  // the answer to the opening
  }

  const v1::OpenSessionRequest& opening() const { return opening_; }
  // The arguments of the opening.
  const std::string& traceparent() const { return traceparent_; }

  // Waits until `count` requests have arrived in total.
  bool WaitForRequests(size_t count);
  // Waits until the gateway has dropped the session.
  bool WaitForDrop();
  // Whether the gateway has ever asked for a pause.
  bool ever_paused();

  // Posted requests are included, each before the request that it came with.
  size_t request_count();
  v1::StreamRequest request(size_t index);
  bool was_posted(size_t index);
  size_t message_count();

  // Sends a response. During a pause, or while none is awaited, responses are kept until the gateway reads again. The
  // same is true for the end of the session, after which nothing more is sent.
  void Respond(v1::StreamResponse response);
  // Answers request number `index`: with a successful, empty response, or with an error.
  void AnswerOk(size_t index);
  void AnswerError(size_t index, v1::ErrorKind kind, const std::string& message);
  void End(const std::string& reason);

  // To be called only by FakeUpstream and the sessions' handles.
  void Take(v1::StreamRequest request);
  void Drop();
  void Resume();
  void Listen();

 private:
  void Deliver();

  const v1::OpenSessionRequest opening_;
  const std::string traceparent_;
  const SessionHandler handler_;
  Mutex mutex_;
  CondVar changed_;
  struct Request {
    v1::StreamRequest request;
    bool posted;
  };
  std::vector<Request> requests_ ABSL_GUARDED_BY(mutex_);
  size_t message_count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<v1::StreamResponse> responses_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<std::string> end_ ABSL_GUARDED_BY(mutex_);  // the reason, until the handler is told
  ReadGate gate_ ABSL_GUARDED_BY(mutex_);
  bool ever_paused_ ABSL_GUARDED_BY(mutex_) = false;
  bool dropped_ ABSL_GUARDED_BY(mutex_) = false;
};

// The successful, empty response to a request.
v1::StreamResponse EmptyResponse(const v1::StreamRequest& request);

class FakeUpstream : public Upstream {
 public:
  // The session ID in the answer to each opening.
  static constexpr std::string_view kSessionId = "0123456789abcdef0123456789secret";

  // Called on the gateway's thread for each request that is not posted, with its session. It may respond at once,
  // later or never.
  using Responder = std::function<void(FakeSession& session, const v1::StreamRequest& request)>;

  explicit FakeUpstream(Responder responder) : responder_(std::move(responder)) {}

  // From now on, openings are answered with an error.
  void RefuseSessions(const std::string& message);

  // Waits until session number `index` is opened, and returns it; null if that does not happen.
  std::shared_ptr<FakeSession> WaitForSession(size_t index);
  size_t session_count();

  // Waits for watch number `index`, and returns its handler; empty if there is none in time.
  WatchHandler WaitForWatch(size_t index);

  std::unique_ptr<UpstreamSession> OpenSession(v1::OpenSessionRequest request, std::string traceparent,
                                               SessionHandler handler) override;
  std::unique_ptr<UpstreamWatch> WatchProbes(WatchHandler handler) override;

 private:
  const Responder responder_;
  Mutex mutex_;
  CondVar changed_;
  std::string refusal_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<FakeSession>> sessions_ ABSL_GUARDED_BY(mutex_);
  std::vector<WatchHandler> watches_ ABSL_GUARDED_BY(mutex_);
};

// One fake server for each address that is asked for. Threads: any.
class FakeUpstreams : public Upstreams {
 public:
  explicit FakeUpstreams(FakeUpstream::Responder responder) : responder_(std::move(responder)) {}

  // The server at this address. The gateway need not have asked for it yet.
  FakeUpstream& At(const std::string& address) { return *Find(address); }

  std::shared_ptr<Upstream> To(const ServerAddress& server) override { return Find(server.address); }

 private:
  std::shared_ptr<FakeUpstream> Find(const std::string& address);

  const FakeUpstream::Responder responder_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<FakeUpstream>> servers_ ABSL_GUARDED_BY(mutex_);
};

// Responders: the first answers every request at once with an empty success, the second answers none.
void SucceedAtOnce(FakeSession& session, const v1::StreamRequest& request);
void Hold(FakeSession& session, const v1::StreamRequest& request);

}  // namespace probegate
