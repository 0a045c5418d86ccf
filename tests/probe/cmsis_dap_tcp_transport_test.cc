// The driver over a real TCP connection, and how it finds its place again if the peer answers late, twice, with another
// command's reply, with bytes that are no packets, or not at all.
#include "probe/cmsis_dap/tcp_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/socket.h"
#include "probe/adi/registers.h"
#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/protocol.h"
#include "probe/cmsis_dap/tcp_framing.h"
#include "probe/error.h"
#include "tests/base/bounded_wait.h"

namespace probegate::cmsis_dap {
namespace {

using namespace std::chrono_literals;
using Packet = std::vector<uint8_t>;
using testing::HasSubstr;

std::string Framed(const Packet& packet) {
  const auto header = EncodeTcpHeader(TcpPacketType::kResponse, packet.size());
  return std::string(header.begin(), header.end()) + std::string(packet.begin(), packet.end());
}

// What a device answers that carries out every command, and whose target's registers read as 0x01010101.
Packet Good(const Packet& request) {
  switch (static_cast<Command>(request[0])) {
    case Command::kInfo:
      if (request[1] == 0xF0) return {0, 1, 1};
      if (request[1] == 0xFE) return {0, 1, 4};
      if (request[1] == 0xFF) return {0, 2, 64, 0};
      return {0, 2, request[1], 0};
    case Command::kConnect:
      return {0x02, 1};
    case Command::kTransfer:
      return {0x05, 1, 1, 1, 1, 1, 1};
    default:
      return {request[0], 0};
  }
}

// A device on a port of this machine that serves one connection after another. The test decides what it sends.
class Peer {
 public:
  // The bytes to send for the request, on the connection with this number, from 0.
  using Script = std::function<std::string(int connection, const Packet& request)>;

  explicit Peer(Script script) : script_(std::move(script)), thread_([this] { Run(); }) {}
  ~Peer() {
    StopListening();
    {
      MutexLock lock(mutex_);
      ::shutdown(client_, SHUT_RDWR);
    }
    thread_.join();
  }

  // Refuses connections from now on; the present one continues.
  void StopListening() { ::shutdown(listener_.socket.number(), SHUT_RDWR); }

  Endpoint endpoint() const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(listener_.socket.number(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    return {"127.0.0.1", ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port)};
  }
  int connections() const { return connections_; }
  // The commands of the requests on a connection.
  std::vector<uint8_t> Commands(int connection) {
    MutexLock lock(mutex_);
    return commands_[static_cast<size_t>(connection)];
  }

 private:
  void Run() {
    for (int number = 0;; ++number) {
      const FileDescriptor client(::accept4(listener_.socket.number(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client.ok()) return;
      Remember(client.number());
      ++connections_;
      Serve(client.number(), number);
      Remember(-1);
    }
  }

  void Remember(int client) {
    MutexLock lock(mutex_);
    client_ = client;
    if (client >= 0) commands_.emplace_back();
  }

  void Note(uint8_t command) {
    MutexLock lock(mutex_);
    commands_.back().push_back(command);
  }

  void Serve(int client, int number) {
    TcpPacketDecoder decoder(TcpPacketType::kRequest);
    while (true) {
      const auto packet = decoder.Next();
      if (!packet.ok()) return;
      if (packet->has_value()) {
        const Packet request((*packet)->begin(), (*packet)->end());
        Note(request[0]);
        const std::string bytes = script_(number, request);
        if (!bytes.empty() && ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return;
        continue;
      }
      const absl::Span<uint8_t> space = decoder.FreeSpace();
      const ssize_t size = ::recv(client, space.data(), space.size(), 0);
      if (size <= 0) return;
      decoder.Commit(static_cast<size_t>(size));
    }
  }

  static OpenedSocket Listen() {
    OpenedSocket opened = ListenAt(Resolve({"127.0.0.1", 0}).addresses.at(0));
    EXPECT_EQ(opened.error, 0);
    return opened;
  }

  const Script script_;
  const OpenedSocket listener_ = Listen();
  Mutex mutex_;
  int client_ ABSL_GUARDED_BY(mutex_) = -1;
  std::vector<std::vector<uint8_t>> commands_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

struct Seen : NoObserver {
  void OnDisconnect(DisconnectCause cause) override { disconnects.push_back(cause); }
  std::vector<DisconnectCause> disconnects;
};

class TcpTransportTest : public testing::Test {
 protected:
  // A peer that answers as Good until Misbehave; then as `bad`, from the next read of a register on.
  void Start(Peer::Script bad, std::chrono::milliseconds reply_timeout) {
    probe_.reset();
    peer_.reset();
    bad_ = false;
    peer_ = std::make_unique<Peer>([this, bad = std::move(bad)](int connection, const Packet& request) {
      if (request[0] == 0x07) return std::string();
      const bool transfer = request[0] == static_cast<uint8_t>(Command::kTransfer);
      bad_ = bad_ || (transfer && misbehaves_.exchange(false));
      return bad_ ? bad(connection, request) : Framed(Good(request));
    });
    auto transport = ConnectTcp(peer_->endpoint(), 10s);
    ASSERT_TRUE(transport.ok()) << transport.status();
    auto probe = OpenCmsisDap(*std::move(transport), {.reply_timeout = reply_timeout, .fallback_id = "F"});
    ASSERT_TRUE(probe.ok()) << probe.status();
    probe_ = *std::move(probe);
    probe_->SetObserver(&seen_);
    ASSERT_TRUE(probe_->Connect(WireProtocol::kSwd).ok());
    ASSERT_TRUE(probe_->AssertReset(true).ok());
  }
  void Misbehave() { misbehaves_ = true; }
  // For scripts: from now on as Good.
  void Behave() { bad_ = false; }

  TransferResult ReadRegister() {
    word_ = 0;
    const TransferOp op{.port = Port::kDp, .address = adi::kDpRdbuff, .read = absl::MakeSpan(&word_, 1)};
    return probe_->Transfer(absl::MakeConstSpan(&op, 1));
  }
  void ExpectGood() {
    const TransferResult result = ReadRegister();
    EXPECT_TRUE(result.status.ok()) << result.status;
    EXPECT_EQ(word_, 0x01010101u);
  }
  // The command fails, and may or may not have been carried out; the next ones work.
  void ExpectOneFailure() {
    Misbehave();
    const TransferResult result = ReadRegister();
    EXPECT_TRUE(IsError(result.status, ErrorKind::kProbeError)) << result.status;
    EXPECT_EQ(result.completed, 0u);
    EXPECT_EQ(result.uncertain, 1u);
    for (int i = 0; i < 3; ++i) ExpectGood();
    EXPECT_TRUE(seen_.disconnects.empty());
  }

  static constexpr auto kPatient = 20s;  // for peers that answer
  static constexpr auto kShort = 1s;     // for peers that do not, at first

  Seen seen_;
  uint32_t word_ = 0;
  std::atomic<bool> misbehaves_ = false;
  bool bad_ = false;  // the peer's thread only
  std::unique_ptr<Peer> peer_;
  std::unique_ptr<Probe> probe_;
};

TEST_F(TcpTransportTest, ALateReplyIsNotTakenForAnother) {
  std::string late;
  Start(
      [&](int, const Packet& request) {
        if (request[0] == 0x05) {
          late = Framed({0x05, 1, 1, 9, 9, 9, 9});
          return std::string();
        }
        Behave();
        return late + Framed(Good(request));
      },
      kShort);
  ExpectOneFailure();
  EXPECT_EQ(peer_->connections(), 1);
}

TEST_F(TcpTransportTest, TheReplyToAnotherCommandIsDiscardedAndSoIsWhatFollows) {
  for (const std::string& bytes : {Framed({0x11, 0}), Framed({0x11, 0}) + Framed({0x05, 1, 1, 9, 9, 9, 9}),
                                   Framed({0x00, 1, 9}), Framed({0xFF}) + Framed({0xFF})}) {
    Start(
        [&](int, const Packet&) {
          Behave();
          return bytes;
        },
        kPatient);
    ExpectOneFailure();
    EXPECT_EQ(peer_->connections(), 1);
  }
}

TEST_F(TcpTransportTest, APeerThatSendsEveryReplyTwiceIsUsable) {
  Start([](int, const Packet& request) { return Framed(Good(request)) + Framed(Good(request)); }, kPatient);
  Misbehave();
  for (int i = 0; i < 20; ++i) ExpectGood();
  EXPECT_EQ(peer_->connections(), 1);
}

// The reply after the command's own may be that to the command before it.
TEST_F(TcpTransportTest, AReplyThatNoCommandAskedForFailsTheNextOneBeforeItIsSent) {
  Start(
      [&](int, const Packet& request) {
        Behave();
        return Framed(Good(request)) + Framed({0x05, 1, 1, 9, 9, 9, 9});
      },
      kPatient);
  Misbehave();
  ExpectGood();
  const size_t sent = peer_->Commands(0).size();
  EXPECT_TRUE(IsError(ReadRegister().status, ErrorKind::kProbeError));
  const std::vector<uint8_t> commands = peer_->Commands(0);
  EXPECT_EQ(std::count(commands.begin() + static_cast<std::ptrdiff_t>(sent), commands.end(), 0x05), 0);
  ExpectGood();
}

// It is connected again, and gets its settings back.
TEST_F(TcpTransportTest, APeerThatAnswersOnlyOnANewConnectionIsRestored) {
  Start([](int connection, const Packet& request) { return connection == 0 ? "" : Framed(Good(request)); }, kShort);
  ExpectOneFailure();
  EXPECT_EQ(peer_->connections(), 2);
  const std::vector<uint8_t> commands = peer_->Commands(1);
  ASSERT_GT(commands.size(), 3u);
  EXPECT_EQ(commands[0], 0x00);
  EXPECT_EQ(commands[1], 0x02);
  EXPECT_THAT(commands, testing::Contains(0x10)) << "nRESET is still asserted";
}

TEST_F(TcpTransportTest, BytesThatAreNoPacketCostAConnectionButNotTheProbe) {
  const std::string frame = Framed({0x05, 1, 1, 1, 1, 1, 1});
  const std::string cut = frame.substr(0, frame.size() - 3);
  for (const std::string& bytes : {std::string(8, 'x'), cut + frame + frame, frame.substr(2) + frame}) {
    Start([&](int connection, const Packet& request) { return connection == 0 ? bytes : Framed(Good(request)); },
          kPatient);
    ExpectOneFailure();
    EXPECT_EQ(peer_->connections(), 2);
  }
}

TEST_F(TcpTransportTest, APeerThatSendsNoPacketsOnANewConnectionEitherIsGone) {
  Start([](int, const Packet&) { return std::string(8, 'x'); }, kPatient);
  Misbehave();
  EXPECT_TRUE(IsError(ReadRegister().status, ErrorKind::kProbeDisconnected));
  EXPECT_EQ(seen_.disconnects, std::vector<DisconnectCause>{DisconnectCause::kGarbled});
  EXPECT_EQ(peer_->connections(), 2);
}

TEST_F(TcpTransportTest, APeerThatAcceptsANewConnectionAndNeverAnswersIsGone) {
  Start([](int, const Packet&) { return std::string(); }, kShort);
  Misbehave();
  const TransferResult result = ReadRegister();
  EXPECT_TRUE(IsError(result.status, ErrorKind::kProbeDisconnected)) << result.status;
  EXPECT_THAT(std::string(result.status.message()), HasSubstr("stopped answering"));
  EXPECT_EQ(result.uncertain, 1u);
  EXPECT_EQ(seen_.disconnects, std::vector<DisconnectCause>{DisconnectCause::kNotAnswering});
  EXPECT_TRUE(IsError(probe_->CheckPresent(), ErrorKind::kProbeDisconnected));
  AwaitTrue([this] { return peer_->connections() == 2; }, "the second connection");
}

TEST_F(TcpTransportTest, APeerThatRefusesANewConnectionIsGone) {
  Start([](int, const Packet&) { return std::string(8, 'x'); }, kPatient);
  peer_->StopListening();
  Misbehave();
  const TransferResult result = ReadRegister();
  EXPECT_TRUE(IsError(result.status, ErrorKind::kProbeDisconnected)) << result.status;
  EXPECT_THAT(std::string(result.status.message()), HasSubstr("cannot be connected again"));
  EXPECT_EQ(seen_.disconnects, std::vector<DisconnectCause>{DisconnectCause::kNotAnswering});
}

TEST_F(TcpTransportTest, AConnectionThatThePeerClosesIsNotRestored) {
  Start([](int, const Packet&) { return std::string(); }, kPatient);
  peer_.reset();
  EXPECT_TRUE(IsError(ReadRegister().status, ErrorKind::kProbeDisconnected));
  EXPECT_EQ(seen_.disconnects, std::vector<DisconnectCause>{DisconnectCause::kLinkClosed});
}

}  // namespace
}  // namespace probegate::cmsis_dap
