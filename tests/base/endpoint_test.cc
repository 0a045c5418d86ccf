#include "base/endpoint.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

TEST(EndpointTest, Parses) {
  EXPECT_EQ(ParseEndpoint("127.0.0.1:0"), (Endpoint{"127.0.0.1", 0}));
  EXPECT_EQ(ParseEndpoint("lab-3.example:65535"), (Endpoint{"lab-3.example", 65535}));
  EXPECT_EQ(ParseEndpoint("[::1]:5555"), (Endpoint{"::1", 5555}));
}

TEST(EndpointTest, RefusesInvalidText) {
  for (const char* text : {"", "host", "host:", ":1", "host:65536", "host:-1", "host:1x", "host: 1", "::1:5", "[::1]5",
                           "[::1", "a b:1", "host:1-2"}) {
    EXPECT_FALSE(ParseEndpoint(text)) << text;
  }
}

TEST(EndpointTest, PrintsWhatItParsed) {
  for (const char* text : {"127.0.0.1:80", "[fe80::1]:80", "name:1"}) EXPECT_EQ(ParseEndpoint(text)->ToString(), text);
}

TEST(EndpointTest, UnixSockets) {
  const auto socket = ParseAddress("unix:/run/a b:1/socket");
  ASSERT_TRUE(socket);
  EXPECT_TRUE(socket->is_unix());
  EXPECT_EQ(socket->host, "/run/a b:1/socket");
  EXPECT_EQ(socket->ToString(), "unix:/run/a b:1/socket");
  EXPECT_FALSE(IsLoopback(socket->host));
  EXPECT_EQ(ParseAddress("unix:/" + std::string(106, 'x'))->host.size(), 107u);
  for (const std::string& text : {std::string("unix:"), std::string("unix:relative"), std::string("unix:/folder/"),
                                  "unix:/" + std::string(107, 'x'), std::string("/run/socket")}) {
    EXPECT_FALSE(ParseAddress(text)) << text;
  }
  EXPECT_EQ(ParseAddress("127.0.0.1:80"), (Endpoint{"127.0.0.1", 80}));
  EXPECT_FALSE(ParseAddress("127.0.0.1:80")->is_unix());
  EXPECT_FALSE(ParseEndpoint("unix:/run/socket")) << "only where programs take it";
}

TEST(EndpointTest, Ranges) {
  EXPECT_THAT(ParseEndpointRange("h:5"), testing::ElementsAre(Endpoint{"h", 5}));
  EXPECT_THAT(ParseEndpointRange("[::1]:5-6"), testing::ElementsAre(Endpoint{"::1", 5}, Endpoint{"::1", 6}));
  EXPECT_EQ(ParseEndpointRange("h:1-1024").size(), 1024u);
  for (const char* text : {"h:0", "h:6-5", "h:1-1025", "h:1-", "h:-1", "h:1-2-3", "h"}) {
    EXPECT_TRUE(ParseEndpointRange(text).empty()) << text;
  }
}

TEST(EndpointTest, Loopback) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) EXPECT_TRUE(IsLoopback(host)) << host;
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "localhost.example"})
    EXPECT_FALSE(IsLoopback(host)) << host;
}

}  // namespace
}  // namespace probegate
