#include "gateway/net/net.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "asio/buffer.hpp"
#include "asio/write.hpp"
#include "tests/gateway/test_client.h"

namespace probegate {
namespace {

// A client, and the gateway's socket for it.
class Net : public ::testing::Test {
 protected:
  Net()
      : acceptor_(io_, {asio::ip::address_v4::loopback(), 0}),
        client_(acceptor_.local_endpoint().port()),
        socket_(acceptor_.accept(asio::make_strand(io_))) {
    ConfigureSocket(*socket_);
  }

  // What the kernel does with the sockets of a process that was killed.
  void Kill() { ::close(socket_->release()); }

  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
  TestClient client_;
  std::optional<Socket> socket_;
};

TEST_F(Net, TheEndOfTheProcessIsAReset) {
  Kill();
  EXPECT_EQ(client_.ReadLine(), std::nullopt);
  EXPECT_TRUE(client_.was_reset());
}

TEST_F(Net, TheEndOfTheProcessIsAResetForAClientThatWasAnswered) {
  ASSERT_TRUE(client_.Send("a request\n"));
  std::string request(10, ' ');
  socket_->wait(Socket::wait_read);
  ASSERT_EQ(socket_->read_some(asio::buffer(request)), request.size());
  asio::write(*socket_, asio::buffer(std::string("a reply\n")));
  ASSERT_EQ(client_.ReadLine(), "a reply");
  Kill();
  EXPECT_EQ(client_.ReadLine(), std::nullopt);
  EXPECT_TRUE(client_.was_reset());
}

TEST_F(Net, DestroyingASocketIsAReset) {
  socket_.reset();
  EXPECT_EQ(client_.ReadLine(), std::nullopt);
  EXPECT_TRUE(client_.was_reset());
}

TEST_F(Net, ASocketClosedInOrderStillDeliversWhatWasWritten) {
  const std::string line(100'000, 'x');
  asio::write(*socket_, asio::buffer(line + "\n"));
  CloseInOrder(*socket_);
  EXPECT_EQ(client_.ReadLine(), line);
  EXPECT_EQ(client_.ReadLine(), std::nullopt);
  EXPECT_FALSE(client_.was_reset());
}

TEST_F(Net, ResetSocketResets) {
  ResetSocket(*socket_);
  EXPECT_EQ(client_.ReadLine(), std::nullopt);
  EXPECT_TRUE(client_.was_reset());
}

}  // namespace
}  // namespace probegate
