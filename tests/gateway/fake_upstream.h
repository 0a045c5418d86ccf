// A server in the tests' hands: it answers by itself, or only when told to, and ends sessions when told to.
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

// Waits for `condition`, which is called with `mutex` held, within a bound. False where it did not come true.
bool WaitFor(Mutex& mutex, CondVar& changed, const std::function<bool()>& condition)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

// One session as the server sees it. Threads: any.
class FakeSession {
 public:
  FakeSession(v1::OpenSessionRequest opening, std::string traceparent, SessionHandler handler)
      : opening_(std::move(opening)), traceparent_(std::move(traceparent)), handler_(std::move(handler)) {
    static_cast<void>(gate_.Expect());  // the opening's answer
  }

  const v1::OpenSessionRequest& opening() const { return opening_; }
  // What the opening was sent with.
  const std::string& traceparent() const { return traceparent_; }

  // Waits until `count` requests have come in all.
  bool WaitForRequests(size_t count);
  // Waits until the gateway has dropped the session.
  bool WaitForDrop();
  // Whether the gateway has ever asked for a pause.
  bool ever_paused();

  // Posted requests count, each in front of the one that it came with.
  size_t request_count();
  v1::StreamRequest request(size_t index);
  bool was_posted(size_t index);
  size_t message_count();

  // Sends a response. What is sent during a pause, or while nothing is awaited, is kept until the gateway reads on; so
  // is the end, behind which nothing more is sent.
  void Respond(v1::StreamResponse response);
  // Answers the request number `index`, successfully and emptily or with an error.
  void AnswerOk(size_t index);
  void AnswerError(size_t index, v1::ErrorKind kind, const std::string& message);
  void End(const std::string& reason);

  // For FakeUpstream and its sessions' handles.
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
  std::optional<std::string> end_ ABSL_GUARDED_BY(mutex_);  // why, until that is told
  ReadGate gate_ ABSL_GUARDED_BY(mutex_);
  bool ever_paused_ ABSL_GUARDED_BY(mutex_) = false;
  bool dropped_ ABSL_GUARDED_BY(mutex_) = false;
};

// The successful, empty response to a request.
v1::StreamResponse EmptyResponse(const v1::StreamRequest& request);

class FakeUpstream : public Upstream {
 public:
  // The session's id that each opening is answered with.
  static constexpr std::string_view kSessionId = "0123456789abcdef0123456789secret";

  // Called for each request that is not posted, with its session, on the gateway's thread; may respond at once, later
  // or never.
  using Responder = std::function<void(FakeSession& session, const v1::StreamRequest& request)>;

  explicit FakeUpstream(Responder responder) : responder_(std::move(responder)) {}

  // Opening is answered with an error from now on.
  void RefuseSessions(const std::string& message);

  // The session number `index`, once it has been opened; null where that does not happen.
  std::shared_ptr<FakeSession> WaitForSession(size_t index);
  size_t session_count();

  // The handler of the watch number `index`, once there is one; empty where that does not happen.
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

// As many servers as are asked for. Threads: any.
class FakeUpstreams : public Upstreams {
 public:
  explicit FakeUpstreams(FakeUpstream::Responder responder) : responder_(std::move(responder)) {}

  // The server at this address, which need not have been asked for yet.
  FakeUpstream& At(const std::string& address) { return *Find(address); }

  std::shared_ptr<Upstream> To(const ServerAddress& server) override { return Find(server.address); }

 private:
  std::shared_ptr<FakeUpstream> Find(const std::string& address);

  const FakeUpstream::Responder responder_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<FakeUpstream>> servers_ ABSL_GUARDED_BY(mutex_);
};

// Responders: every request succeeds at once, emptily; none is answered.
void SucceedAtOnce(FakeSession& session, const v1::StreamRequest& request);
void Hold(FakeSession& session, const v1::StreamRequest& request);

}  // namespace probegate
