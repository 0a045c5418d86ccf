#include "telemetry/http_server.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/base/no_threads.h"
#include "tests/telemetry/http_client.h"

namespace probegate {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr CounterRow kApples{"apples_total", "Apples."};

class HttpServerTest : public testing::Test {
 protected:
  std::unique_ptr<HttpServer> Start() {
    auto server = HttpServer::Start({"127.0.0.1", 0}, metrics_, [this] { return missing_; });
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

  MetricSet metrics_;
  std::vector<std::string> missing_;
};

TEST_F(HttpServerTest, ServesMetricsInTheFormatOfPrometheus) {
  const Counter apples(metrics_, kApples);
  apples.Add(3);
  const auto server = Start();
  const HttpReply reply = Ask(server->endpoint().port, "GET", "/metrics");
  EXPECT_THAT(reply.head,
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8"),
                    HasSubstr("Content-Length: " + std::to_string(reply.body.size())), HasSubstr("Connection: close"),
                    ContainsRegex("Date: [A-Z][a-z][a-z], [0-9][0-9] [A-Z][a-z][a-z] 2[0-9]+ [0-9:]+ GMT")));
  EXPECT_EQ(reply.body, "# HELP apples_total Apples.\n# TYPE apples_total counter\napples_total 3\n");
}

TEST_F(HttpServerTest, RefreshesBeforeEachScrape) {
  const Counter apples(metrics_, kApples);
  metrics_.BeforeExpose([&apples] { apples.Add(); });
  const auto server = Start();
  EXPECT_THAT(Ask(server->endpoint().port, "GET", "/metrics").body, EndsWith("apples_total 1\n"));
  EXPECT_THAT(Ask(server->endpoint().port, "GET", "/metrics?name=x").body, EndsWith("apples_total 2\n"));
}

TEST_F(HttpServerTest, HealthzIsAlwaysOk) {
  const auto server = Start();
  const HttpReply reply = Ask(server->endpoint().port, "GET", "/healthz");
  EXPECT_THAT(reply.head, AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Type: text/plain; charset=utf-8")));
  EXPECT_EQ(reply.body, "ok\n");
}

TEST_F(HttpServerTest, IsReadyIfNothingIsMissing) {
  missing_ = {"no probe is there", "the server cannot be reached"};
  const auto server = Start();
  HttpReply reply = Ask(server->endpoint().port, "GET", "/readyz");
  EXPECT_THAT(reply.head, StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(reply.body, "no probe is there\nthe server cannot be reached\n");
  missing_.clear();
  reply = Ask(server->endpoint().port, "GET", "/readyz");
  EXPECT_THAT(reply.head, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(reply.body, "ready\n");
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
  missing_ = {"no probe"};
  const auto server = Start();
  const HttpReply health = Ask(server->endpoint().port, "HEAD", "/healthz");
  EXPECT_THAT(health.head, AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Length: 3")));
  EXPECT_EQ(health.body, "");
  EXPECT_THAT(Ask(server->endpoint().port, "HEAD", "/readyz").head, StartsWith("HTTP/1.1 503 "));
}

TEST_F(HttpServerTest, RefusesOtherMethods) {
  const auto server = Start();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    for (const char* path : {"/metrics", "/healthz", "/readyz"}) {
      EXPECT_THAT(Ask(server->endpoint().port, method, path).head,
                  AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD")))
          << method << " " << path;
    }
  }
}

TEST_F(HttpServerTest, ListsItsPagesIfThePathIsUnknown) {
  const auto server = Start();
  for (const char* path : {"/", "/metrics/", "/metricsx", "/healthz/x", "/../etc/passwd", "/%2e%2e/etc/passwd"}) {
    const HttpReply reply = Ask(server->endpoint().port, "GET", path);
    EXPECT_THAT(reply.head, StartsWith("HTTP/1.1 404 ")) << path;
    EXPECT_EQ(reply.body, "not found; the pages are /metrics, /healthz, /readyz\n") << path;
  }
}

TEST_F(HttpServerTest, SurvivesInvalidRequests) {
  const auto server = Start();
  const std::string huge(64 * 1024, 'a');
  for (const std::string& garbage :
       {std::string("\x16\x03\x01\x02\x00\r\n\r\n", 9), std::string("GET\r\n\r\n"), std::string("\0\0\0\0\r\n\r\n", 8),
        std::string("GET /metrics HTTP/9.9\r\n\r\n"), std::string("GET * HTTP/1.1\r\n\r\n"), "GET /" + huge,
        "GET / HTTP/1.1\r\nX: " + huge + "\r\n\r\n"}) {
    HttpClient client(server->endpoint().port);
    client.Send(garbage);
    EXPECT_THAT(client.ReadAll(), testing::Not(StartsWith("HTTP/1.1 200"))) << garbage.substr(0, 40);
  }
  EXPECT_EQ(Ask(server->endpoint().port, "GET", "/healthz").body, "ok\n");
}

TEST_F(HttpServerTest, DoesNotReadTheBodyOfARequest) {
  constexpr int kPieces = 4096;
  const auto server = Start();
  HttpClient client(server->endpoint().port);
  client.Send("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n");
  const std::string piece(64 * 1024, 'x');
  int sent = 0;
  while (sent < kPieces && client.Send(piece)) ++sent;
  EXPECT_LT(sent, kPieces);
}

TEST_F(HttpServerTest, DisconnectsSilentClients) {
  const auto server = Start();
  HttpClient silent(server->endpoint().port);
  HttpClient half(server->endpoint().port);
  half.Send("GET /metrics HT");
  EXPECT_THAT(silent.ReadAll(), IsEmpty());
  EXPECT_THAT(half.ReadAll(), testing::Not(StartsWith("HTTP/1.1 200")));
}

TEST_F(HttpServerTest, StopsWhileClientsHang) {
  auto server = Start();
  const uint16_t port = server->endpoint().port;
  HttpClient idle(port);
  HttpClient half(port);
  half.Send("GET /metrics HTTP/1.1\r\nHost: ");
  // Connections are accepted in order: once this one is answered, threads are waiting for the two before it.
  EXPECT_EQ(Ask(port, "GET", "/healthz").body, "ok\n");
  // These connections wait for a thread.
  std::vector<std::unique_ptr<HttpClient>> more;
  for (int i = 0; i < 8; ++i) more.push_back(std::make_unique<HttpClient>(port));
  const auto stopped = std::async(std::launch::async, [&server] { server.reset(); });
  ASSERT_EQ(stopped.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  EXPECT_FALSE(HttpClient(port).connected());
}

TEST_F(HttpServerTest, StopsIfThereIsNoThreadLeft) {
  auto server = Start();
  const uint16_t port = server->endpoint().port;
  EXPECT_EQ(Ask(port, "GET", "/healthz").body, "ok\n");
  {
    const NoThreads no_threads;
    server.reset();
  }
  EXPECT_FALSE(HttpClient(port).connected());
}

TEST_F(HttpServerTest, AnswersManyClientsAtTheSameTime) {
  const Counter apples(metrics_, kApples);
  int running = 0;  // without a lock, because refreshes are called one at a time
  metrics_.BeforeExpose([&] {
    EXPECT_EQ(++running, 1);
    apples.Add();
    --running;
  });
  const auto server = Start();
  std::atomic<int> answered = 0;
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back([&] {
        for (int n = 0; n < 10; ++n) {
          const std::string body = Ask(server->endpoint().port, "GET", "/metrics").body;
          if (body.find("\napples_total ") != std::string::npos) ++answered;
        }
      });
    }
  }
  EXPECT_EQ(answered, 80);
  EXPECT_EQ(apples.value(), 80);
}

TEST_F(HttpServerTest, ARefreshThatThrowsFailsOnlyThatScrape) {
  bool fails = true;
  metrics_.BeforeExpose([&] {
    if (fails) throw std::runtime_error("the refresh failed");
  });
  const auto server = Start();
  const HttpReply reply = Ask(server->endpoint().port, "GET", "/metrics");
  EXPECT_THAT(reply.head, StartsWith("HTTP/1.1 500 "));
  EXPECT_EQ(reply.body, "the refresh failed\n");
  fails = false;
  EXPECT_THAT(Ask(server->endpoint().port, "GET", "/metrics").head, StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, TheErrorForAPortInUseIsOneLineThatSaysWhatToDo) {
  const auto server = Start();
  const Endpoint taken{"127.0.0.1", server->endpoint().port};
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  const auto second = HttpServer::Start(taken, metrics_, [] { return std::vector<std::string>(); });
  EXPECT_EQ(testing::internal::GetCapturedStderr() + testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(second.status().message(), "cannot serve metrics on " + taken.ToString() +
                                           ": Address already in use; use --metrics-listen with another address, or "
                                           "with none");
}

TEST_F(HttpServerTest, AnAddressOfAnotherMachineIsRefused) {
  const auto missing = [] { return std::vector<std::string>(); };
  EXPECT_THAT(HttpServer::Start({"192.0.2.1", 0}, metrics_, missing).status().ToString(),
              AllOf(HasSubstr("192.0.2.1:0: Cannot assign requested address"), HasSubstr("--metrics-listen")));
  EXPECT_THAT(HttpServer::Start({"no.such.host.invalid", 9464}, metrics_, missing).status().ToString(),
              AllOf(HasSubstr("no.such.host.invalid:9464: "), HasSubstr("--metrics-listen")));
  EXPECT_THAT(HttpServer::Start({"127.0.0.1,0.0.0.0", 0}, metrics_, missing).status().ToString(),
              HasSubstr("--metrics-listen"));
}

TEST_F(HttpServerTest, AcceptsANameAndReportsTheActualPort) {
  const auto server = HttpServer::Start({"localhost", 0}, metrics_, [] { return std::vector<std::string>(); });
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ((*server)->endpoint().host, "localhost");
  EXPECT_NE((*server)->endpoint().port, 0);
  EXPECT_EQ(Ask((*server)->endpoint().port, "GET", "/healthz").body, "ok\n");
}

// Debian's CivetWeb does not support IPv6; CivetWeb from elsewhere may.
TEST_F(HttpServerTest, ServesIpv6OrReturnsAnError) {
  const auto server = HttpServer::Start({"::1", 0}, metrics_, [] { return std::vector<std::string>(); });
  if (server.ok()) {
    EXPECT_THAT((*server)->endpoint().ToString(), StartsWith("[::1]:"));
    EXPECT_NE((*server)->endpoint().port, 0);
  } else {
    EXPECT_THAT(std::string(server.status().message()),
                AllOf(StartsWith("cannot serve metrics on [::1]:0: "), HasSubstr("--metrics-listen")));
  }
}

// The signals that a thread blocks: SigBlk in proc(5).
uint64_t BlockedSignals(const std::filesystem::path& task) {
  std::ifstream status(task / "status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("SigBlk:")) return std::stoull(line.substr(7), nullptr, 16);
  }
  return 0;
}

TEST_F(HttpServerTest, ItsThreadsReceiveNoSignals) {
  const auto threads = [] {
    std::set<std::filesystem::path> all;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) all.insert(task.path());
    return all;
  };
  const auto before = threads();
  const auto server = Start();
  EXPECT_EQ(Ask(server->endpoint().port, "GET", "/healthz").body, "ok\n");
  size_t seen = 0;
  for (const auto& task : threads()) {
    if (before.contains(task)) continue;
    ++seen;
    for (const int signal : {SIGINT, SIGTERM, SIGALRM, SIGHUP}) {
      EXPECT_NE(BlockedSignals(task) & (uint64_t{1} << (signal - 1)), 0) << task << " receives " << signal;
    }
  }
  EXPECT_GT(seen, 1);
  sigset_t ours;
  pthread_sigmask(SIG_SETMASK, nullptr, &ours);
  EXPECT_FALSE(sigismember(&ours, SIGTERM));
}

}  // namespace
}  // namespace probegate
