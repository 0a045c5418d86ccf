#include "tests/gateway/fake_upstream.h"

#include <chrono>
#include <utility>

namespace probegate {
namespace {

// Far longer than anything here takes, on any machine.
constexpr auto kBound = std::chrono::seconds(30);

class Handle : public UpstreamSession {
 public:
  Handle(std::shared_ptr<FakeSession> session, FakeUpstream::Responder responder)
      : session_(std::move(session)), responder_(std::move(responder)) {}
  ~Handle() override { session_->Drop(); }

  void Send(v1::StreamRequest request) override {
    session_->Take(request);
    if (request.request_case() != v1::StreamRequest::REQUEST_NOT_SET) responder_(*session_, request);
  }
  void Listen() override { session_->Listen(); }
  void Resume() override { session_->Resume(); }

 private:
  const std::shared_ptr<FakeSession> session_;
  const FakeUpstream::Responder responder_;
};

}  // namespace

bool WaitFor(Mutex& mutex, CondVar& changed, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kBound;
  while (!condition()) {
    if (!changed.WaitUntil(mutex, deadline)) return condition();
  }
  return true;
}

bool FakeSession::WaitForRequests(size_t count) {
  const MutexLock lock(mutex_);
  return WaitFor(mutex_, changed_, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return requests_.size() >= count; });
}

bool FakeSession::WaitForDrop() {
  const MutexLock lock(mutex_);
  return WaitFor(mutex_, changed_, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return dropped_; });
}

bool FakeSession::ever_paused() {
  const MutexLock lock(mutex_);
  return ever_paused_;
}

size_t FakeSession::message_count() {
  const MutexLock lock(mutex_);
  return message_count_;
}

size_t FakeSession::request_count() {
  const MutexLock lock(mutex_);
  return requests_.size();
}

v1::StreamRequest FakeSession::request(size_t index) {
  const MutexLock lock(mutex_);
  return requests_.at(index).request;
}

bool FakeSession::was_posted(size_t index) {
  const MutexLock lock(mutex_);
  return requests_.at(index).posted;
}

void FakeSession::Respond(v1::StreamResponse response) {
  {
    const MutexLock lock(mutex_);
    if (ended_) return;
    responses_.push_back(std::move(response));
  }
  Deliver();
}

void FakeSession::End(const std::string& reason) {
  {
    const MutexLock lock(mutex_);
    end_ = reason;
    ended_ = true;
  }
  Deliver();
}

void FakeSession::Deliver() {
  while (true) {
    v1::StreamResponse response;
    std::optional<std::string> end;
    {
      const MutexLock lock(mutex_);
      if (!gate_.reading() || dropped_) return;
      if (responses_.empty()) {
        if (!end_) return;
        end.swap(end_);
      } else {
        gate_.Begin();
        response = std::move(responses_.front());
        responses_.pop_front();
      }
    }
    if (end) {
      handler_.on_end(*end);
      return;
    }
    const bool go_on = handler_.on_response(std::move(response));
    const MutexLock lock(mutex_);
    if (!go_on) ever_paused_ = true;
    if (!gate_.End(go_on)) return;
  }
}

void FakeSession::AnswerOk(size_t index) { Respond(EmptyResponse(request(index))); }

void FakeSession::AnswerError(size_t index, v1::ErrorKind kind, const std::string& message) {
  v1::StreamResponse response;
  response.set_request_id(request(index).request_id());
  response.mutable_error()->set_kind(kind);
  response.mutable_error()->set_message(message);
  Respond(std::move(response));
}

void FakeSession::Take(v1::StreamRequest request) {
  {
    const MutexLock lock(mutex_);
    for (const v1::StreamRequest& posted : request.posted()) requests_.push_back({posted, true});
    ++message_count_;
    changed_.NotifyAll();
    if (request.request_case() == v1::StreamRequest::REQUEST_NOT_SET) return;
    requests_.push_back({std::move(request), false});
    if (!gate_.Expect()) return;
  }
  Deliver();
}

void FakeSession::Drop() {
  const MutexLock lock(mutex_);
  dropped_ = true;
  changed_.NotifyAll();
}

void FakeSession::Listen() {
  {
    const MutexLock lock(mutex_);
    if (!gate_.Listen()) return;
  }
  Deliver();
}

void FakeSession::Resume() {
  {
    const MutexLock lock(mutex_);
    if (!gate_.Resume()) return;
  }
  Deliver();
}

v1::StreamResponse EmptyResponse(const v1::StreamRequest& request) {
  v1::StreamResponse response;
  response.set_request_id(request.request_id());
  // A request's field has the same number as its response's.
  const auto* field = response.GetDescriptor()->FindFieldByNumber(static_cast<int>(request.request_case()));
  response.GetReflection()->MutableMessage(&response, field);
  return response;
}

void FakeUpstream::RefuseSessions(const std::string& message) {
  const MutexLock lock(mutex_);
  refusal_ = message;
}

std::shared_ptr<FakeSession> FakeUpstream::WaitForSession(size_t index) {
  const MutexLock lock(mutex_);
  if (!WaitFor(mutex_, changed_, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return sessions_.size() > index; }))
    return nullptr;
  return sessions_[index];
}

size_t FakeUpstream::session_count() {
  const MutexLock lock(mutex_);
  return sessions_.size();
}

WatchHandler FakeUpstream::WaitForWatch(size_t index) {
  const MutexLock lock(mutex_);
  if (!WaitFor(mutex_, changed_, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return watches_.size() > index; })) return {};
  return watches_[index];
}

std::unique_ptr<UpstreamSession> FakeUpstream::OpenSession(v1::OpenSessionRequest request, std::string traceparent,
                                                           SessionHandler handler) {
  auto session = std::make_shared<FakeSession>(std::move(request), std::move(traceparent), std::move(handler));
  v1::StreamResponse opened;
  {
    const MutexLock lock(mutex_);
    sessions_.push_back(session);
    if (refusal_.empty()) {
      opened.mutable_open_session()->set_session_id(std::string(kSessionId));
      opened.mutable_open_session()->mutable_probe()->set_unique_id(session->opening().probe());
    } else {
      opened.mutable_error()->set_kind(v1::ERROR_KIND_PROBE_DISCONNECTED);
      opened.mutable_error()->set_message(refusal_);
    }
    changed_.NotifyAll();
  }
  session->Respond(std::move(opened));
  return std::make_unique<Handle>(std::move(session), responder_);
}

std::unique_ptr<UpstreamWatch> FakeUpstream::WatchProbes(WatchHandler handler) {
  const MutexLock lock(mutex_);
  watches_.push_back(std::move(handler));
  changed_.NotifyAll();
  return std::make_unique<UpstreamWatch>();
}

std::shared_ptr<FakeUpstream> FakeUpstreams::Find(const std::string& address) {
  const MutexLock lock(mutex_);
  auto& server = servers_[address];
  if (!server) server = std::make_shared<FakeUpstream>(responder_);
  return server;
}

void SucceedAtOnce(FakeSession& session, const v1::StreamRequest& request) { session.Respond(EmptyResponse(request)); }

void Hold(FakeSession&, const v1::StreamRequest&) {}

}  // namespace probegate
