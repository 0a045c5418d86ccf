#include "sim/endpoint.h"

#include <stdexcept>

#include "asio/io_context.hpp"
#include "gtest/gtest.h"

namespace probegate::sim {
namespace {

TEST(EndpointTest, Parses) {
  EXPECT_EQ(ParseHostPort("localhost:4441").host, "localhost");
  EXPECT_EQ(ParseHostPort("localhost:4441").port, 4441);
  EXPECT_EQ(ParseHostPort("[::1]:0").host, "::1");
  for (const char* wrong : {"", "4441", ":4441", "a:", "a:b", "a:65536", "a:-1", "a:1 ", "::1:5"}) {
    EXPECT_THROW(ParseHostPort(wrong), std::invalid_argument) << wrong;
  }
}

TEST(EndpointTest, PortInUseIsNamed) {
  asio::io_context io;
  const auto first = Listen(io, Resolve({"127.0.0.1", 0}));
  try {
    Listen(io, first.local_endpoint());
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find(ToString(first.local_endpoint())), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace probegate::sim
