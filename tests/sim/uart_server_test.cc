#include "sim/uart_server.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "asio/buffer.hpp"
#include "asio/executor_work_guard.hpp"
#include "asio/read.hpp"
#include "asio/write.hpp"
#include "gtest/gtest.h"
#include "spdlog/sinks/null_sink.h"
#include "spdlog/spdlog.h"

namespace probegate::sim {
namespace {

using asio::ip::tcp;

class UartServerTest : public testing::Test {
 protected:
  UartServerTest() {
    server_->OnReceive([this](std::span<const uint8_t> bytes) {
      const std::lock_guard lock(mutex_);
      received_.append(bytes.begin(), bytes.end());
      changed_.notify_all();
    });
    thread_ = std::thread([this] {
      const auto work = asio::make_work_guard(io_);
      io_.run();
    });
  }
  ~UartServerTest() override { End(); }

  void End() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    server_.reset();
  }
  void Send(const std::string& text) {
    for (char letter : text) sender_(static_cast<uint8_t>(letter));
  }
  // Returns fewer bytes if the connection ends first.
  std::string Read(tcp::socket& client, size_t size) {
    std::string text(size, '\0');
    asio::error_code error;
    text.resize(asio::read(client, asio::buffer(text), error));
    return text;
  }
  void WaitForReceived(const std::string& text) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return received_ == text; })) << received_;
  }
  tcp::socket Connect() {
    tcp::socket client(clients_);
    client.connect(server_->endpoint());
    return client;
  }

  asio::io_context clients_;
  asio::io_context io_{1};
  std::optional<UartServer> server_{
      std::in_place, io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0),
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>()), "board 0"};
  std::function<void(uint8_t)> sender_ = server_->Sender();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string received_;  // guarded by mutex_
  std::thread thread_;
};

TEST_F(UartServerTest, CarriesBytesBothWays) {
  tcp::socket client = Connect();
  Send(std::string("a\0\xFF\r\n", 5));
  EXPECT_EQ(Read(client, 5), std::string("a\0\xFF\r\n", 5));
  asio::write(client, asio::buffer(std::string("help\r")));
  WaitForReceived("help\r");
  Send("b");
  EXPECT_EQ(Read(client, 1), "b");
}

TEST_F(UartServerTest, KeepsBytesForALaterClient) {
  Send("hello");
  tcp::socket client = Connect();
  EXPECT_EQ(Read(client, 5), "hello");
}

TEST_F(UartServerTest, KeepsTheLatestBytesIfThereAreTooMany) {
  std::string text;
  for (size_t i = 0; text.size() < 3 * UartServer::kWaitingBytes; ++i) text += std::to_string(i) + ' ';
  Send(text);
  Send("end");
  tcp::socket client = Connect();
  std::string kept = Read(client, UartServer::kWaitingBytes);
  while (!kept.ends_with("end")) {
    const std::string more = Read(client, 1);
    ASSERT_EQ(more.size(), 1u);
    kept += more;
  }
  EXPECT_LE(kept.size(), 2 * UartServer::kWaitingBytes);
  EXPECT_TRUE((text + "end").ends_with(kept));
}

TEST_F(UartServerTest, RefusesASecondClient) {
  tcp::socket first = Connect();
  Send("1");
  EXPECT_EQ(Read(first, 1), "1");
  tcp::socket second = Connect();
  EXPECT_EQ(Read(second, 1), "");
  Send("2");
  EXPECT_EQ(Read(first, 1), "2");
}

TEST_F(UartServerTest, ServesOneClientAfterAnother) {
  for (int i = 0; i < 20; ++i) {
    tcp::socket client = Connect();
    Send("x");
    EXPECT_EQ(Read(client, 1), "x") << i;
  }
}

TEST_F(UartServerTest, ABoardMaySendAfterTheServerIsGone) {
  tcp::socket client = Connect();
  End();
  Send("late");
}

}  // namespace
}  // namespace probegate::sim
