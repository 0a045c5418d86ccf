#include "debug/grpc/probe_lister.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <future>

#include <grpcpp/grpcpp.h>

#include "base/socket.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probegate/v1/probe_directory.grpc.pb.h"
#include "tests/base/bounded_wait.h"
#include "tests/base/no_threads.h"

namespace probegate {
namespace {

// A server that answers once it may, and counts the questions.
class FakeDirectory final : public v1::ProbeDirectory::CallbackService {
 public:
  grpc::ServerUnaryReactor* ListProbes(grpc::CallbackServerContext* context, const v1::ListProbesRequest* /*request*/,
                                       v1::ListProbesResponse* response) override {
    response->add_probes()->mutable_description()->set_unique_id("A1");
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    MutexLock lock(mutex_);
    ++questions_;
    open_ ? reactor->Finish(grpc::Status::OK) : waiting_.push_back(reactor);
    return reactor;
  }
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    for (grpc::ServerUnaryReactor* const reactor : waiting_) reactor->Finish(grpc::Status::OK);
    waiting_.clear();
  }
  int questions() {
    MutexLock lock(mutex_);
    return questions_;
  }

 private:
  Mutex mutex_;
  int questions_ ABSL_GUARDED_BY(mutex_) = 0;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<grpc::ServerUnaryReactor*> waiting_ ABSL_GUARDED_BY(mutex_);
};

class ProbeListerTest : public testing::Test {
 protected:
  ProbeListerTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&directory);
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    server = builder.BuildAndStart();
    endpoint = {"127.0.0.1", static_cast<uint16_t>(port)};
  }
  ~ProbeListerTest() override {
    directory.Open();
    timers.Stop();
  }
  static std::future<ProbesAnswer> Ask(ProbeLister& lister) {
    auto promise = std::make_shared<std::promise<ProbesAnswer>>();
    lister.List([promise](const ProbesAnswer& answer) { promise->set_value(answer); });
    return promise->get_future();
  }

  Timers timers;
  FakeDirectory directory;
  int port = 0;
  std::unique_ptr<grpc::Server> server;
  Endpoint endpoint;
};

TEST_F(ProbeListerTest, AThousandCallersAreOneQuestion) {
  ProbeLister lister({endpoint}, timers);
  std::vector<std::future<ProbesAnswer>> answers;
  for (int i = 0; i < 1000; ++i) answers.push_back(Ask(lister));
  directory.Open();
  for (auto& waiting : answers) {
    const ProbesAnswer answer = Awaited(std::move(waiting), "the list of probes");
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ((*answer)->probes.size(), 1U);
    EXPECT_EQ((*answer)->probes[0].status.description().unique_id(), "A1");
    EXPECT_EQ((*answer)->probes[0].server, endpoint.ToString());
    EXPECT_EQ((*answer)->gap, "");
  }
  EXPECT_EQ(directory.questions(), 1);
}

TEST_F(ProbeListerTest, AServerThatSaysNothingIsAGap) {
  directory.Open();
  const OpenedSocket silent = ListenAt(Resolve({"127.0.0.1", 0}).addresses.front());
  ASSERT_EQ(silent.error, 0);
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  ASSERT_EQ(::getsockname(silent.socket.number(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const Endpoint hole{"127.0.0.1", ntohs(address.sin_port)};
  ProbeLister lister({hole, endpoint}, timers);
  const ProbesAnswer answer = Awaited(Ask(lister), "the list of probes");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ((*answer)->probes.size(), 1U);
  EXPECT_THAT((*answer)->gap, testing::StartsWith("the probegate-server at " + hole.ToString() + " does not answer: "));
}

TEST_F(ProbeListerTest, AResolverThatDoesNotAnswerHoldsUpNothingElse) {
  directory.Open();
  // The lister's threads may use these after it has gone.
  const auto resolver = std::make_shared<std::promise<void>>();
  const auto lookups = std::make_shared<std::atomic<int>>(0);
  const auto open = std::make_shared<std::shared_future<void>>(resolver->get_future());
  const HostResolver resolve = [lookups, open](const std::string& host) -> absl::StatusOr<std::vector<std::string>> {
    ++*lookups;
    open->wait();
    if (host == "lab") return std::vector<std::string>{"127.0.0.1"};
    return absl::NotFoundError("gone");
  };
  {
    ProbeLister lister({{"lab", 1}, endpoint}, timers, {}, resolve);
    for (int i = 0; i < 2; ++i) {
      const ProbesAnswer answer = Awaited(Ask(lister), "the list of probes");
      ASSERT_TRUE(answer.ok()) << answer.status();
      EXPECT_EQ((*answer)->probes.size(), 1U);
      EXPECT_EQ((*answer)->gap, "lab cannot be looked up: the resolver did not answer within 1000 ms");
    }
    EXPECT_EQ(*lookups, 1);
  }
  {
    ProbeLister lister({{"lab", endpoint.port}}, timers, {}, resolve);
    auto answer = Ask(lister);
    resolver->set_value();
    const ProbesAnswer found = Awaited(std::move(answer), "the list of probes");
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ((*found)->probes.at(0).server, "lab:" + std::to_string(port) + " (" + endpoint.ToString() + ")");
  }
}

TEST_F(ProbeListerTest, ANameThatNoThreadCanBeStartedForIsAGap) {
  ProbeLister lister({{"lab", 1}}, timers);
  std::future<ProbesAnswer> answer;
  {
    const NoThreads no_threads;
    answer = Ask(lister);
  }
  EXPECT_THAT(std::string(Awaited(std::move(answer), "the list of probes").status().message()),
              testing::HasSubstr("lab cannot be looked up: cannot start a thread"));
}

TEST_F(ProbeListerTest, WhoWaitsWhenItEndsGetsAnError) {
  std::future<ProbesAnswer> answer;
  {
    ProbeLister lister({endpoint}, timers);
    answer = Ask(lister);
    AwaitTrue([this] { return directory.questions() == 1; }, "the server is asked");
  }
  EXPECT_EQ(Awaited(std::move(answer), "the list of probes").status().message(), "probegate-debugd is shutting down");
}

}  // namespace
}  // namespace probegate
