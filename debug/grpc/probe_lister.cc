#include "debug/grpc/probe_lister.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "base/grpc/channel.h"
#include "base/mutex.h"
#include "base/start_thread.h"
#include "probegate/v1/probe_directory.grpc.pb.h"

namespace probegate {
namespace {

// A name of a server, and what it resolved to.
struct Name {
  Endpoint endpoint;
  bool looking_up = false;           // a thread is at it
  std::vector<Server> servers = {};  // that it last had
  absl::Status failure = {};         // why it has none
};

// A question to a server.
struct Question {
  Question(Server whom, const std::shared_ptr<grpc::Channel>& channel)
      : server(std::move(whom)), directory(v1::ProbeDirectory::NewStub(channel)) {}

  const Server server;
  const std::unique_ptr<v1::ProbeDirectory::Stub> directory;
  grpc::ClientContext context;
  v1::ListProbesRequest request;
  v1::ListProbesResponse response;
  grpc::Status status;
};

ProbesAnswer ToAnswer(const std::vector<std::shared_ptr<Question>>& questions, std::string gap) {
  auto list = std::make_shared<ProbeList>();
  list->gap = std::move(gap);
  bool any_answered = false;
  for (const auto& question : questions) {
    if (!question->status.ok()) {
      absl::StrAppend(&list->gap, list->gap.empty() ? "" : "; ", "the probegate-server at ",
                      question->server.ToString(),
                      " does not answer: ", ExplainFailedConnection(question->status.error_message()));
      continue;
    }
    any_answered = true;
    for (v1::ProbeStatus& probe : *question->response.mutable_probes()) {
      list->probes.push_back({std::move(probe), question->server.ToString()});
    }
  }
  if (!any_answered) return absl::UnavailableError(list->gap);
  return list;
}

}  // namespace

// Outlives the lister for as long as a name is being looked up. Threads: any.
class ProbeLister::Asking : public std::enable_shared_from_this<Asking> {
 public:
  Asking(std::vector<Endpoint> servers, Timers& timers, ChannelSecurity security, HostResolver resolve)
      : timers_(timers), security_(std::move(security)), resolve_(std::move(resolve)) {
    for (Endpoint& server : servers) names_.push_back({.endpoint = std::move(server)});
  }

  void List(const ProbesCallback& done) {
    std::optional<ProbesAnswer> answer;
    {
      MutexLock lock(mutex_);
      if (stopped_) {
        answer = Stopping();
      } else if (answer_ && Clock::now() < fresh_until_) {
        answer = answer_;
      } else {
        waiting_.push_back(done);
        if (std::exchange(busy_, true)) return;
      }
    }
    answer ? done(*answer) : LookUp();
  }

  void Stop() {
    std::vector<ProbesCallback> waiting;
    {
      MutexLock lock(mutex_);
      stopped_ = true;
      waiting.swap(waiting_);
      for (const auto& question : questions_) question->context.TryCancel();
    }
    for (const ProbesCallback& done : waiting) done(Stopping());
    MutexLock lock(mutex_);
    while (unanswered_ > 0) changed_.Wait(mutex_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  static ProbesAnswer Stopping() { return absl::UnavailableError("probegate-debugd is shutting down"); }

  void LookUp() {
    bool wait = false;
    {
      MutexLock lock(mutex_);
      looking_up_ = true;
      const uint64_t round = ++round_;
      for (size_t i = 0; i < names_.size(); ++i) {
        if (!names_[i].looking_up) LookUpName(i);
        wait = wait || names_[i].looking_up;
      }
      if (wait) {
        timers_.At(Clock::now() + kLookupBound, weak_from_this(), [this, round] { GiveUpNames(round); });
      }
    }
    if (!wait) Ask();
  }

  void LookUpName(size_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Name& name = names_[number];
    if (IsAddress(name.endpoint.host)) {
      name.servers = LookUpServers({name.endpoint}).servers;
      return;
    }
    const absl::Status started =
        StartDetached("the lookup", [self = shared_from_this(), number, endpoint = name.endpoint] {
          self->TakeLookup(number, LookUpServers({endpoint}, self->resolve_));
        });
    name.looking_up = started.ok();
    if (!started.ok()) {
      name.failure =
          absl::UnavailableError(absl::StrCat(name.endpoint.host, " cannot be looked up: ", started.message()));
    }
  }

  void TakeLookup(size_t number, const ServerLookup& lookup) {
    {
      MutexLock lock(mutex_);
      Name& name = names_[number];
      name.looking_up = false;
      name.servers = KeepKnownServers(name.servers, lookup);
      name.failure = lookup.failures.empty() ? absl::OkStatus() : lookup.failures.front().status;
      const auto is_open = [](const Name& other) { return other.looking_up; };
      if (!looking_up_ || std::any_of(names_.begin(), names_.end(), is_open)) return;
    }
    Ask();
  }

  void GiveUpNames(uint64_t round) {
    {
      MutexLock lock(mutex_);
      if (!looking_up_ || round_ != round) return;
      for (Name& name : names_) {
        if (!name.looking_up) continue;
        name.failure = absl::UnavailableError(absl::StrCat(name.endpoint.host,
                                                           " cannot be looked up: the resolver did not answer within ",
                                                           kLookupBound.count(), " ms"));
      }
    }
    Ask();
  }

  void Ask() {
    std::vector<std::shared_ptr<Question>> questions;
    {
      MutexLock lock(mutex_);
      // Two threads may find that the last name has come.
      if (!std::exchange(looking_up_, false)) return;
      gap_.clear();
      std::map<std::string, std::shared_ptr<grpc::Channel>> channels;
      for (const Name& name : names_) {
        if (name.servers.empty()) absl::StrAppend(&gap_, gap_.empty() ? "" : "; ", name.failure.message());
        for (const Server& server : name.servers) {
          auto& channel = channels[server.address.ToString()];
          if (channel != nullptr) continue;  // two names have the same address
          channel = ChannelTo(server);
          questions.push_back(std::make_shared<Question>(server, channel));
        }
      }
      channels_ = std::move(channels);
      if (!stopped_) questions_ = questions;
      unanswered_ = questions_.size();
      if (stopped_) return;
    }
    if (questions.empty()) return Finish();
    for (const auto& question : questions) Send(question);
  }

  std::shared_ptr<grpc::Channel> ChannelTo(const Server& server) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto found = channels_.find(server.address.ToString());
    if (found != channels_.end()) return found->second;
    return MakeChannel(server.address.ToString(), {.authority = server.name.ToString(), .security = security_});
  }

  void Send(const std::shared_ptr<Question>& question) {
    question->context.set_deadline(std::chrono::system_clock::now() + kAnswerBound);
    question->directory->async()->ListProbes(&question->context, &question->request, &question->response,
                                             [self = shared_from_this(), question](grpc::Status status) {
                                               question->status = std::move(status);
                                               self->TakeAnswer();
                                             });
  }

  void TakeAnswer() {
    {
      MutexLock lock(mutex_);
      if (unanswered_ > 1) {
        --unanswered_;
        return;
      }
    }
    Finish();
  }

  void Finish() {
    std::vector<ProbesCallback> waiting;
    std::optional<ProbesAnswer> answer;
    {
      MutexLock lock(mutex_);
      answer = answer_ = ToAnswer(questions_, gap_);
      fresh_until_ = Clock::now() + kFresh;
      questions_.clear();
      busy_ = false;
      waiting.swap(waiting_);
      unanswered_ = 0;
      changed_.NotifyAll();
    }
    for (const ProbesCallback& done : waiting) done(*answer);
  }

  Timers& timers_;
  const ChannelSecurity security_;
  const HostResolver resolve_;

  Mutex mutex_;
  CondVar changed_;
  std::vector<Name> names_ ABSL_GUARDED_BY(mutex_);
  std::vector<ProbesCallback> waiting_ ABSL_GUARDED_BY(mutex_);
  std::optional<ProbesAnswer> answer_ ABSL_GUARDED_BY(mutex_);  // the last
  Clock::time_point fresh_until_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;  // an answer is on its way: first names are looked up, then servers asked
  bool looking_up_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t round_ ABSL_GUARDED_BY(mutex_) = 0;  // the number of times that names were looked up
  std::string gap_ ABSL_GUARDED_BY(mutex_);     // the names without a server
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_ ABSL_GUARDED_BY(mutex_);  // by address
  std::vector<std::shared_ptr<Question>> questions_ ABSL_GUARDED_BY(mutex_);
  size_t unanswered_ ABSL_GUARDED_BY(mutex_) = 0;
};

ProbeLister::ProbeLister(std::vector<Endpoint> servers, Timers& timers, ChannelSecurity security, HostResolver resolve)
    : asking_(std::make_shared<Asking>(std::move(servers), timers, std::move(security), std::move(resolve))) {}

ProbeLister::~ProbeLister() { asking_->Stop(); }

void ProbeLister::List(const ProbesCallback& done) { asking_->List(done); }

}  // namespace probegate
