#include "access/http_get.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/file_descriptor.h"

namespace probegate {
namespace {

using testing::HasSubstr;

bool NotCancelled() { return false; }

// Answers one request with fixed bytes. If they are empty, it does not answer until it is destroyed.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    EXPECT_EQ(::bind(listener_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.number(), 1), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_.number(), reinterpret_cast<sockaddr*>(&address), &size);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/keys";
    thread_ = std::thread([this, text = std::move(answer)] { Serve(text); });
  }
  ~OneAnswer() {
    ::shutdown(listener_.number(), SHUT_RDWR);
    thread_.join();
  }
  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;

  const std::string& url() const { return url_; }
  // Valid after the answer has arrived.
  const std::string& request() const { return request_; }
  bool has_request() const { return has_request_; }

 private:
  void Serve(const std::string& answer) {
    const FileDescriptor client(::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC));
    char piece[1024];
    while (request_.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(client.number(), piece, sizeof piece, 0);
      if (got <= 0) return;
      request_.append(piece, static_cast<size_t>(got));
    }
    has_request_ = true;
    if (answer.empty()) {
      while (::recv(client.number(), piece, sizeof piece, 0) > 0) {
      }
      return;
    }
    for (size_t sent = 0; sent < answer.size();) {
      const ssize_t count = ::send(client.number(), answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += static_cast<size_t>(count);
    }
  }

  const FileDescriptor listener_;
  std::string url_;
  std::string request_;
  std::atomic<bool> has_request_ = false;
  std::thread thread_;
};

std::string Ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
}

std::string Failure(const OneAnswer& server) {
  const auto body = HttpGet({.url = server.url(), .ca_file = {}, .token = {}}, NotCancelled);
  EXPECT_EQ(body.status().code(), absl::StatusCode::kUnavailable);
  return std::string(body.status().message());
}

TEST(HttpGet, ReturnsTheBody) {
  const OneAnswer server(Ok("{}"));
  const auto body = HttpGet({.url = server.url(), .ca_file = {}, .token = "secret"}, NotCancelled);
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ(*body, "{}");
  EXPECT_THAT(server.request(), HasSubstr("GET /keys HTTP/1.1\r\n"));
  EXPECT_THAT(server.request(), HasSubstr("Authorization: Bearer secret\r\n"));
}

TEST(HttpGet, FailsWithAnotherStatus) {
  const OneAnswer server("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
  EXPECT_THAT(Failure(server), HasSubstr(server.url() + ": the server answered with status 404"));
}

TEST(HttpGet, DoesNotFollowARedirectInTheClear) {
  const OneAnswer other(Ok("{}"));
  const OneAnswer server("HTTP/1.1 302 Found\r\nLocation: " + other.url() + "\r\nContent-Length: 0\r\n\r\n");
  Failure(server);
  const OneAnswer to_file("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
  Failure(to_file);
}

TEST(HttpGet, BoundsTheBody) {
  const OneAnswer fits(Ok(std::string(kMostHttpBody, ' ')));
  EXPECT_TRUE(HttpGet({.url = fits.url(), .ca_file = {}, .token = {}}, NotCancelled).ok());
  const OneAnswer server(Ok(std::string(kMostHttpBody + 1, ' ')));
  Failure(server);
}

TEST(HttpGet, CanBeCancelled) {
  const OneAnswer server("");
  const auto body = HttpGet({.url = server.url(), .ca_file = {}, .token = {}}, [&] { return server.has_request(); });
  EXPECT_EQ(body.status().code(), absl::StatusCode::kUnavailable);
}

TEST(HttpGet, FailsIfNothingListens) {
  std::string url;
  {
    const OneAnswer server("");
    url = server.url();
  }
  EXPECT_EQ(HttpGet({.url = url, .ca_file = {}, .token = {}}, NotCancelled).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(HttpGet, TakesOnlySafeUrls) {
  for (const char* const url :
       {"https://keys.example/k", "http://127.0.0.1:8001/k", "http://localhost/k", "http://[::1]/k"}) {
    EXPECT_TRUE(IsFetchable(url)) << url;
  }
  for (const char* const url : {"http://keys.example/k", "http://127.0.0.1.evil.example/k", "file:///etc/passwd", "/k",
                                "https://user:password@keys.example/k", "https://", "http://127.0.0.1@evil.example/"}) {
    EXPECT_FALSE(IsFetchable(url)) << url;
    EXPECT_EQ(HttpGet({.url = url, .ca_file = {}, .token = {}}, NotCancelled).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace probegate
