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

#include "base/accept_loop.h"
#include "base/quota.h"
#include "tests/base/bounded_wait.h"
#include "tests/base/ignore_refusals.h"
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
constexpr CounterRow kPears{"pears_total", "Pears.", {"kind"}};

// The whole reply to a request with this Host.
std::string AskFor(uint16_t port, const std::string& url, const std::string& host) {
  HttpClient client(port);
  client.Send("GET " + url + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  return client.ReadAll();
}

class HttpServerTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<HttpServer>> StartAt(const Endpoint& listen, const HttpTimeouts& timeouts = {}) {
    return HttpServer::Start(*accept_loop_, listen, connections_, metrics_,
                             {.not_ready = [this] { return missing_; }, .not_alive = [this] { return not_alive_; }},
                             timeouts);
  }
  std::unique_ptr<HttpServer> Start(const HttpTimeouts& timeouts = {}) {
    auto server = StartAt({"127.0.0.1", 0}, timeouts);
    EXPECT_TRUE(server.ok()) << server.status();
    return *std::move(server);
  }

  IgnoreRefusals observer_;
  Quota connections_{"metrics_connections", {.all = 32, .per_client = 16}};
  const std::unique_ptr<AcceptLoop> accept_loop_ = *AcceptLoop::Start(observer_);
  MetricSet metrics_;
  std::vector<std::string> missing_;
  std::vector<std::string> not_alive_;
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

TEST_F(HttpServerTest, HealthzNamesEachReasonToRestart) {
  const auto server = Start();
  not_alive_ = {"gRPC: not serving for 31 s", "threads of probes: not serving for 40 s"};
  const HttpReply reply = Ask(server->endpoint().port, "GET", "/healthz");
  EXPECT_THAT(reply.head, StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(reply.body, "gRPC: not serving for 31 s\nthreads of probes: not serving for 40 s\n");
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
  const auto server = Start({.request = std::chrono::milliseconds(300)});
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
  const auto server = Start({.request = std::chrono::milliseconds(300)});
  HttpClient silent(server->endpoint().port);
  HttpClient half(server->endpoint().port);
  half.Send("GET /metrics HT");
  EXPECT_THAT(silent.ReadAll(), IsEmpty());
  EXPECT_THAT(half.ReadAll(), testing::Not(StartsWith("HTTP/1.1 200")));
}

TEST_F(HttpServerTest, DisconnectsAClientThatSendsItsRequestByteByByte) {
  const auto server = Start({.request = std::chrono::milliseconds(300)});
  HttpClient client(server->endpoint().port);
  client.Send("GET /metrics HTTP/1.1\r\nX: ");
  AwaitTrue([&client] { return !client.Send("x"); }, "the connection is closed");
}

TEST_F(HttpServerTest, DisconnectsAClientThatDoesNotReadTheReply) {
  const Counter large(metrics_, kPears, {std::string(size_t{16} << 20, 'x')});  // more than sockets hold
  const auto server = Start({.reply = std::chrono::milliseconds(300)});
  const size_t whole = metrics_.Expose().size();
  HttpClient client(server->endpoint().port);
  client.Send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  AwaitTrue([this] { return connections_.usage().taken == 1; }, "the connection is there");
  AwaitTrue([this] { return connections_.usage().taken == 0; }, "no connection is left");
  EXPECT_LT(client.ReadAll().size(), whole);
}

TEST_F(HttpServerTest, TheOldestSilentConnectionMakesRoom) {
  const auto server = Start();
  const uint16_t port = server->endpoint().port;
  std::vector<std::unique_ptr<HttpClient>> silent;
  for (int i = 0; i < 150; ++i) silent.push_back(std::make_unique<HttpClient>(port));
  EXPECT_EQ(Ask(port, "GET", "/healthz").body, "ok\n");
  EXPECT_THAT(silent.front()->ReadAll(), IsEmpty());
  AwaitTrue([this] { return connections_.usage().taken <= 16; }, "the client has no more than its share");
  // The last ones are still there.
  silent.back()->Send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(silent.back()->ReadAll(), EndsWith("ok\n"));
}

TEST_F(HttpServerTest, GivesBackThePlacesOfItsConnections) {
  const auto server = Start();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Ask(server->endpoint().port, "GET", "/healthz").body, "ok\n");
  AwaitTrue([this] { return connections_.usage().taken == 0; }, "no connection is left");
}

TEST_F(HttpServerTest, OnLoopbackTheHostMustBeThisMachine) {
  const auto server = Start();
  const uint16_t port = server->endpoint().port;
  for (const char* host :
       {"localhost", "localhost:1234", "LocalHost:9464", "127.0.0.1", "127.3.2.1:80", "[::1]", "[::1]:9"}) {
    EXPECT_THAT(AskFor(port, "/healthz", host), StartsWith("HTTP/1.1 200 ")) << host;
  }
  for (const char* host : {"evil.example", "evil.example:9464", "localhost.evil.example", "127.0.0.1.evil.example",
                           "[::2]", "10.0.0.1", "[::1", "192.0.2.1:9464"}) {
    const std::string reply = AskFor(port, "/metrics", host);
    EXPECT_THAT(reply, StartsWith("HTTP/1.1 403 ")) << host;
    EXPECT_THAT(reply, EndsWith("but this port is only for this machine: use localhost or 127.0.0.1\n")) << host;
  }
  // A whole URL names the host, too.
  EXPECT_THAT(AskFor(port, "http://evil.example/metrics", "localhost"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(AskFor(port, "http://localhost/healthz", "localhost"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, OnOtherAddressesAnyHostWillDo) {
  const auto server = StartAt({"0.0.0.0", 0});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_THAT(AskFor((*server)->endpoint().port, "/healthz", "lab-3.example"), StartsWith("HTTP/1.1 200 "));
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
  const auto second = StartAt(taken);
  EXPECT_EQ(testing::internal::GetCapturedStderr() + testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(second.status().message(), "cannot serve metrics on " + taken.ToString() +
                                           ": Address already in use; use --metrics-listen with another address, or "
                                           "with none");
}

TEST_F(HttpServerTest, AnAddressOfAnotherMachineIsRefused) {
  EXPECT_THAT(StartAt({"192.0.2.1", 0}).status().ToString(),
              AllOf(HasSubstr("192.0.2.1:0: Cannot assign requested address"), HasSubstr("--metrics-listen")));
  EXPECT_THAT(StartAt({"no.such.host.invalid", 9464}).status().ToString(),
              AllOf(HasSubstr("no.such.host.invalid:9464: "), HasSubstr("--metrics-listen")));
  EXPECT_THAT(StartAt({"127.0.0.1,0.0.0.0", 0}).status().ToString(), HasSubstr("--metrics-listen"));
}

TEST_F(HttpServerTest, AcceptsANameAndReportsTheActualPort) {
  const auto server = StartAt({"localhost", 0});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ((*server)->endpoint().host, "localhost");
  EXPECT_NE((*server)->endpoint().port, 0);
  EXPECT_EQ(Ask((*server)->endpoint().port, "GET", "/healthz").body, "ok\n");
}

TEST_F(HttpServerTest, ServesIpv6) {
  const auto server = StartAt({"::1", 0});
  if (!server.ok() && server.status().message().find("Cannot assign requested address") != std::string::npos) {
    GTEST_SKIP() << "this machine has no IPv6";
  }
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_THAT((*server)->endpoint().ToString(), StartsWith("[::1]:"));
  HttpClient client((*server)->endpoint().port, HttpClient::Family::kIpv6);
  client.Send("GET /healthz HTTP/1.1\r\nHost: [::1]\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), EndsWith("ok\n"));
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
  EXPECT_GT(seen, 0);
  sigset_t ours;
  pthread_sigmask(SIG_SETMASK, nullptr, &ours);
  EXPECT_FALSE(sigismember(&ours, SIGTERM));
}

}  // namespace
}  // namespace probegate
