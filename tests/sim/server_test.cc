#include <chrono>
#include <thread>

#include "asio/buffer.hpp"
#include "asio/read.hpp"
#include "asio/read_until.hpp"
#include "asio/write.hpp"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "probe_client.h"
#include "sim/board_server.h"
#include "sim/control.h"
#include "sim/control_server.h"
#include "sim/tcp_framing.h"
#include "spdlog/sinks/null_sink.h"
#include "spdlog/spdlog.h"
#include "tests/base/bounded_wait.h"

namespace probegate::sim {
namespace {

using asio::ip::tcp;
using nlohmann::json;

tcp::endpoint AnyPort() { return {asio::ip::address_v4::loopback(), 0}; }

std::shared_ptr<spdlog::logger> NoLog() {
  return std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
}

// One connection to a board. A read for which nothing arrives ends with the connection, so each test must end it.
class Connection {
 public:
  explicit Connection(const tcp::endpoint& endpoint) : socket_(io_) { socket_.connect(endpoint, error_); }

  bool connected() const { return !error_; }

  void Send(const Bytes& packet) {
    Bytes bytes = {
        0x44, 0x41, 0x50, 0x00, static_cast<uint8_t>(packet.size()), static_cast<uint8_t>(packet.size() >> 8), 1, 0};
    bytes.insert(bytes.end(), packet.begin(), packet.end());
    SendRaw(bytes);
  }
  void SendRaw(const Bytes& bytes) { asio::write(socket_, asio::buffer(bytes), error_); }

  // Empty when the connection has ended.
  Bytes Receive() {
    FrameHeader header;
    asio::read(socket_, asio::buffer(header), error_);
    if (error_) return {};
    signature_ok_ = header[0] == 0x44;
    Bytes packet(static_cast<size_t>(header[4] | header[5] << 8));
    asio::read(socket_, asio::buffer(packet), error_);
    return packet;
  }
  bool signature_ok() const { return signature_ok_; }

  Bytes Command(const Bytes& packet) {
    Send(packet);
    return Receive();
  }

 private:
  asio::io_context io_;
  tcp::socket socket_;
  asio::error_code error_;
  bool signature_ok_ = true;
};

const Bytes kAskCount = {0x00, 0xFE};
const Bytes kCount = {0x00, 1, 4};

class ServerTest : public testing::Test {
 protected:
  json Ask(const json& request) { return json::parse(control_.Handle(request.dump())); }
  void Do(const json& request) {
    const json reply = Ask(request);
    ASSERT_TRUE(reply["ok"].get<bool>()) << request << reply;
  }
  json Counters() { return Ask({{"command", "counters"}, {"board", 0}}); }
  const tcp::endpoint& endpoint() const { return boards_[0]->endpoint(); }

  static std::vector<std::unique_ptr<BoardServer>> TwoBoards() {
    std::vector<std::unique_ptr<BoardServer>> boards;
    for (unsigned i = 0; i < 2; ++i) {
      boards.push_back(std::make_unique<BoardServer>(i, std::make_unique<Board>(i, 1, "T"), AnyPort(), NoLog()));
    }
    return boards;
  }

  const std::vector<std::unique_ptr<BoardServer>> boards_ = TwoBoards();
  Control control_{boards_};
};

TEST_F(ServerTest, AnswersAPacket) {
  Connection client(endpoint());
  EXPECT_EQ(client.Command(kAskCount), kCount);
  EXPECT_EQ(Counters()["packets"], 1);
  EXPECT_EQ(Counters()["connections"], 1);
}

TEST_F(ServerTest, AnswersPipelinedPacketsInOrder) {
  Connection client(endpoint());
  for (int i = 0; i < 4; ++i) client.Send(i % 2 == 0 ? kAskCount : Bytes{0x0A});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client.Receive(), i % 2 == 0 ? kCount : (Bytes{0x0A, 0, 0}));
}

constexpr uint8_t kSwoStream = 1u << 6;
const Bytes kAskCapabilities = {0x00, 0xF0};

TEST_F(ServerTest, OffersTheSwoStreamToAClientThatRequestsIt) {
  {
    Connection client(endpoint());
    EXPECT_EQ(client.Command(kAskCapabilities).at(2) & kSwoStream, 0);
    EXPECT_EQ(client.Command({0x17, 2}), (Bytes{0x17, 0xFF}));
    client.SendRaw({0x44, 0x41, 0x50, 0x00, 2, 0, kFrameTraceRequest, 0, 64, 0});
    EXPECT_EQ(client.Receive(), Bytes());  // the stream is empty
    EXPECT_TRUE(client.connected());
    EXPECT_EQ(client.Command(kAskCapabilities).at(2) & kSwoStream, kSwoStream);
    EXPECT_EQ(client.Command({0x17, 2}), (Bytes{0x17, 0}));
    EXPECT_EQ(Counters()["packets"], 4);  // a request for the stream does not count
  }
  Connection next(endpoint());
  EXPECT_EQ(next.Command(kAskCapabilities).at(2) & kSwoStream, 0);
}

TEST_F(ServerTest, ARequestForTheSwoStreamMustHaveASize) {
  Connection client(endpoint());
  client.SendRaw({0x44, 0x41, 0x50, 0x00, 1, 0, kFrameTraceRequest, 0, 64});
  EXPECT_EQ(client.Receive(), Bytes());
  EXPECT_FALSE(client.connected());
}

TEST_F(ServerTest, RefusesASecondClient) {
  Connection first(endpoint());
  ASSERT_EQ(first.Command(kAskCount), kCount);
  Connection second(endpoint());
  EXPECT_EQ(second.Command(kAskCount), Bytes());
  EXPECT_EQ(first.Command(kAskCount), kCount);
  EXPECT_EQ(Counters()["refused"], 1);
}

TEST_F(ServerTest, AcceptsTheNextClientAsSoonAsTheFirstHasGone) {
  Do({{"command", "inject"}, {"board", 0}, {"fault", "late_reply"}, {"milliseconds", 60000}});
  {
    Connection first(endpoint());
    first.Send(kAskCount);
    AwaitTrue([&] { return Counters()["packets"] == 1; }, "the board has the packet");
  }
  Connection second(endpoint());
  EXPECT_EQ(second.Command(kAskCount), kCount);
}

TEST_F(ServerTest, ClosesAfterABadHeader) {
  Connection client(endpoint());
  client.SendRaw(Bytes(8, 0x20));
  EXPECT_EQ(client.Receive(), Bytes());
  Connection next(endpoint());
  EXPECT_EQ(next.Command(kAskCount), kCount);
}

TEST_F(ServerTest, LatencyIsPerPacket) {
  using std::chrono::steady_clock;
  Do({{"command", "set_latency"}, {"microseconds", 3000}});
  Connection client(endpoint());
  const auto start = steady_clock::now();
  for (int i = 0; i < 3; ++i) client.Send(kAskCount);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Receive(), kCount);
  EXPECT_GE(steady_clock::now() - start, std::chrono::milliseconds(9));
}

TEST_F(ServerTest, InjectsFaultsIntoReplies) {
  Connection client(endpoint());
  Do({{"command", "inject"}, {"fault", "drop_reply"}, {"at", 2}});
  EXPECT_EQ(client.Command(kAskCount), kCount);
  client.Send({0x0A});
  EXPECT_EQ(client.Command(kAskCount), kCount);

  Do({{"command", "inject"}, {"fault", "corrupt_reply"}, {"times", 2}});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(client.Command(kAskCount), (Bytes{0xFF, 1, 4}));
  Do({{"command", "inject"}, {"fault", "corrupt_reply"}, {"corruption", "truncated"}});
  EXPECT_EQ(client.Command(kAskCount), Bytes{0x00});
  Do({{"command", "inject"}, {"fault", "corrupt_reply"}, {"corruption", "signature"}});
  client.Command(kAskCount);
  EXPECT_FALSE(client.signature_ok());

  Do({{"command", "inject"}, {"fault", "drop_reply"}, {"times", 0}});
  Do({{"command", "clear_faults"}});
  EXPECT_EQ(client.Command(kAskCount), kCount);
  EXPECT_TRUE(client.signature_ok());

  Do({{"command", "inject"}, {"fault", "late_reply"}, {"milliseconds", 20}});
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(client.Command(kAskCount), kCount);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(20));
}

const Bytes kResetTarget = {0x0A};
const Bytes kNoReset = {0x0A, 0, 0};

TEST_F(ServerTest, SendsARepeatedAndAStaleReply) {
  Connection client(endpoint());
  Do({{"command", "inject"}, {"fault", "repeat_reply"}, {"at", 2}});
  EXPECT_EQ(client.Command(kAskCount), kCount);
  EXPECT_EQ(client.Command(kAskCount), kCount);
  EXPECT_EQ(client.Command(kResetTarget), kCount);
  EXPECT_EQ(client.Receive(), kNoReset);
  Do({{"command", "inject"}, {"fault", "stale_reply"}});
  client.Send(kAskCount);
  EXPECT_EQ(client.Command(kResetTarget), kCount);
  EXPECT_EQ(client.Receive(), kNoReset);
}

TEST_F(ServerTest, QuirksRepeatAndHoldBackOneReplyEach) {
  Connection client(endpoint());
  client.Command(kAskCount);
  Do({{"command", "quirk"}, {"quirk", "repeat-reply=1"}});
  Do({{"command", "quirk"}, {"quirk", "stale-reply=3"}});
  EXPECT_EQ(client.Command(kAskCount), kCount);
  EXPECT_EQ(client.Command(kResetTarget), kCount);
  EXPECT_EQ(client.Receive(), kNoReset);
  client.Send(kAskCount);
  EXPECT_EQ(client.Command(kResetTarget), kCount);
  EXPECT_EQ(client.Receive(), kNoReset);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Command(kAskCount), kCount);
}

// The four packets are sent in one piece, so that the board has received all of them when it begins with the first.
TEST_F(ServerTest, LosesPacketsForWhichItHasNoBuffer) {
  for (const size_t buffers : {1, 3}) {
    Do({{"command", "quirk"}, {"quirk", "packet-buffers=" + std::to_string(buffers)}});
    const uint64_t before = Counters()["lost"];
    Connection client(endpoint());
    Bytes four;
    for (int i = 0; i < 4; ++i) four.insert(four.end(), {0x44, 0x41, 0x50, 0x00, 2, 0, 1, 0, 0x00, 0xFE});
    client.SendRaw(four);
    for (size_t i = 0; i < buffers; ++i) EXPECT_EQ(client.Receive(), kCount);
    EXPECT_EQ(client.Command(kResetTarget), kNoReset) << "no other reply comes";
    EXPECT_EQ(Counters()["lost"].get<uint64_t>() - before, 4 - buffers);
  }
  Do({{"command", "clear_quirks"}, {"quirk", "packet-buffers"}});
  Connection client(endpoint());
  for (int i = 0; i < 4; ++i) client.Send(kAskCount);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client.Receive(), kCount);
}

TEST_F(ServerTest, APowerCycleTakesAProbeThatThePowerComesThrough) {
  Connection client(endpoint());
  Connection other(boards_[1]->endpoint());
  client.Command({0x02, 1});
  other.Command({0x02, 1});
  Do({{"command", "quirk"}, {"board", 0}, {"quirk", "powered-by-target"}});
  Do({{"command", "power_cycle"}});
  EXPECT_EQ(client.Command(kAskCount), Bytes());
  EXPECT_EQ(other.Command(kAskCount), kCount) << "a probe with power of its own stays";
  EXPECT_EQ(Ask({{"command", "state"}, {"board", 0}})["connected"], false);
  EXPECT_EQ(Ask({{"command", "state"}, {"board", 1}})["connected"], true);
  EXPECT_EQ(Connection(endpoint()).Command(kAskCount), kCount);
  Do({{"command", "unplug"}, {"board", 0}});
  Do({{"command", "power_cycle"}, {"board", 0}});
  EXPECT_FALSE(Connection(endpoint()).connected()) << "it stays unplugged";
}

TEST_F(ServerTest, ControlListsQuirksAndTurnsThemOnAndOff) {
  const auto on = [this](int board) {
    const json reply = Ask({{"command", "quirks"}, {"board", board}});
    json found = json::object();
    for (const json& row : reply["quirks"]) {
      EXPECT_FALSE(row["effect"].get<std::string>().empty());
      EXPECT_FALSE(row["seen_in"].get<std::string>().empty());
      EXPECT_TRUE(row["value"].is_string());
      if (!row["on"].empty()) found[row["quirk"].get<std::string>()] = row["on"];
    }
    return found;
  };
  EXPECT_EQ(on(0), json::object());
  Do({{"command", "quirk"}, {"board", 0}, {"quirk", "refuse=Delay"}});
  Do({{"command", "quirk"}, {"board", 0}, {"quirk", "refuse=HostStatus"}});
  Do({{"command", "quirk"}, {"quirk", "version=1=2"}});
  Do({{"command", "quirk"}, {"quirk", "no-system-power"}});
  EXPECT_EQ(on(0), (json{{"refuse", {"Delay", "HostStatus"}}, {"version", {"1=2"}}, {"no-system-power", {""}}}));
  EXPECT_EQ(on(1), (json{{"version", {"1=2"}}, {"no-system-power", {""}}}));
  Connection client(endpoint());
  EXPECT_EQ(client.Command({0x09, 0, 0}), Bytes{0xFF});
  Do({{"command", "clear_quirks"}, {"board", 0}, {"quirk", "refuse"}});
  EXPECT_EQ(client.Command({0x09, 0, 0}), (Bytes{0x09, 0}));
  Do({{"command", "clear_quirks"}});
  EXPECT_EQ(on(0), json::object());
  EXPECT_EQ(on(1), json::object());
}

TEST_F(ServerTest, UnplugsAndPlugs) {
  Connection client(endpoint());
  ASSERT_EQ(client.Command({0x02, 1}), (Bytes{0x02, 1}));
  Do({{"command", "unplug"}, {"board", 0}});
  EXPECT_EQ(client.Command(kAskCount), Bytes());
  EXPECT_FALSE(Connection(endpoint()).connected());
  const json state = Ask({{"command", "state"}, {"board", 0}});
  EXPECT_EQ(state["plugged"], false);
  EXPECT_EQ(state["connected"], false);
  EXPECT_EQ(Connection(boards_[1]->endpoint()).Command(kAskCount), kCount);

  Do({{"command", "plug"}, {"board", 0}});
  Do({{"command", "plug"}, {"board", 0}});
  Connection again(endpoint());
  EXPECT_EQ(again.Command(kAskCount), kCount);
  Do({{"command", "inject"}, {"fault", "unplug"}, {"board", 0}, {"at", 2}});
  EXPECT_EQ(again.Command(kAskCount), kCount);
  EXPECT_EQ(again.Command(kAskCount), Bytes());
  EXPECT_FALSE(Connection(endpoint()).connected());
}

TEST_F(ServerTest, InjectsFaultsIntoTransfers) {
  Connection client(endpoint());
  client.Command({0x02, 1});
  Do({{"command", "inject"}, {"fault", "no_ack"}, {"times", 0}});
  EXPECT_EQ(client.Command({0x05, 0, 1, 0x02}), (Bytes{0x05, 0, 7}));
  EXPECT_EQ(Counters()["transfers"], 1);
}

TEST_F(ServerTest, ControlReadsAndWritesMemory) {
  Do({{"command", "write_word"}, {"board", 1}, {"address", 0x20000010}, {"value", 0xDEADBEEFu}});
  EXPECT_EQ(Ask({{"command", "read_word"}, {"board", 1}, {"address", 0x20000010}})["value"], 0xDEADBEEFu);
  EXPECT_EQ(Ask({{"command", "read_word"}, {"board", 1}, {"address", 0x30000000}})["ok"], false);
}

TEST_F(ServerTest, ControlReadsAndDrivesPins) {
  constexpr uint32_t kP1Pin3 = 0x50000A0C;
  Do({{"command", "drive_pin"}, {"board", 1}, {"port", 1}, {"pin", 3}, {"level", "high"}});
  Do({{"command", "write_word"}, {"board", 1}, {"address", 0x50000508}, {"value", 0x2000}});
  Do({{"command", "write_word"}, {"board", 1}, {"address", 0x50000518}, {"value", 0x2000}});
  EXPECT_EQ(Ask({{"command", "pins"}, {"board", 1}})["ports"],
            (json{{{"out", 0x2000}, {"dir", 0x2000}, {"levels", 0x2000}}, {{"out", 0}, {"dir", 0}, {"levels", 8}}}));
  EXPECT_EQ(Ask({{"command", "pins"}, {"board", 0}})["ports"][1]["levels"], 0);
  Do({{"command", "write_word"}, {"board", 1}, {"address", kP1Pin3}, {"value", 3u << 2}});
  for (const auto& [level, levels] : {std::pair("low", 0), std::pair("floating", 8)}) {
    Do({{"command", "drive_pin"}, {"port", 1}, {"pin", 3}, {"level", level}});
    EXPECT_EQ(Ask({{"command", "pins"}, {"board", 1}})["ports"][1]["levels"], levels) << level;
  }
}

TEST_F(ServerTest, ControlListsBoardsAndState) {
  const json boards = Ask({{"command", "boards"}, {"id", "x"}});
  EXPECT_EQ(boards["id"], "x");
  ASSERT_EQ(boards["boards"].size(), 2u);
  EXPECT_EQ(boards["boards"][1]["serial"], boards_[1]->serial());
  EXPECT_EQ(boards["boards"][1]["port"], boards_[1]->endpoint().port());
  // Its flash is empty, so the core locks up as soon as it runs.
  json state;
  const auto locked_up = [&] { return (state = Ask({{"command", "state"}, {"board", 0}}))["core"] == "locked up"; };
  AwaitTrue(locked_up, "the core locks up");
  EXPECT_EQ(state["wire"], "jtag");
  EXPECT_EQ(state["locked"], false);
  EXPECT_EQ(state["nreset_asserted"], false);
  EXPECT_EQ(state["clock_hz"], 1'000'000);
}

TEST_F(ServerTest, ControlRefusesInvalidRequests) {
  const char* const kWrong[] = {
      "",
      "nonsense",
      "[]",
      "7",
      "\"\xff\"",
      "{}",
      R"({"command":5})",
      R"({"command":"nope"})",
      R"({"command":"boards","board":0})",
      R"({"command":"state"})",
      R"({"command":"state","board":2})",
      R"({"command":"state","board":-1})",
      R"({"command":"state","board":"0"})",
      R"({"command":"set_latency"})",
      R"({"command":"set_latency","microseconds":1.5})",
      R"({"command":"set_latency","microseconds":-1})",
      R"({"command":"set_latency","microseconds":60000001})",
      R"({"command":"set_latency","microseconds":5,"extra":1})",
      R"({"command":"inject"})",
      R"({"command":"inject","fault":"nope"})",
      R"({"command":"inject","fault":"wait","at":0})",
      R"({"command":"inject","fault":"wait","milliseconds":1})",
      R"({"command":"inject","fault":"late_reply"})",
      R"({"command":"inject","fault":"late_reply","milliseconds":60001})",
      R"({"command":"inject","fault":"corrupt_reply","corruption":"nope"})",
      R"({"command":"inject","fault":"corrupt_reply","corruption":""})",
      R"({"command":"inject","fault":"drop_reply","corruption":"command"})",
      R"({"command":"read_word","board":0,"address":2})",
      R"({"command":"write_word","board":0,"address":0,"value":4294967296})",
      R"({"command":"unplug","extra":null})",
      R"({"command":"power_cycle","extra":1})",
      R"({"command":"quirk"})",
      R"({"command":"quirk","quirk":"nope"})",
      R"({"command":"quirk","quirk":"nreset-reads=2"})",
      R"({"command":"quirk","quirk":"nreset-reads=0","value":"0"})",
      R"({"command":"clear_quirks","quirk":"nope"})",
      R"({"command":"clear_quirks","quirk":"nreset-reads=0"})",
      R"({"command":"quirks"})",
      R"({"command":"pins"})",
      R"({"command":"drive_pin","port":0,"pin":0})",
      R"({"command":"drive_pin","port":0,"pin":0,"level":"up"})",
      R"({"command":"drive_pin","port":0,"pin":0,"level":1})",
      R"({"command":"drive_pin","port":2,"pin":0,"level":"low"})",
      R"({"command":"drive_pin","port":1,"pin":16,"level":"low"})",
      R"({"command":"drive_pin","port":0,"pin":0,"level":"low","extra":1})",
  };
  for (const char* line : kWrong) {
    const json reply = json::parse(control_.Handle(line));
    EXPECT_EQ(reply["ok"], false) << line;
    EXPECT_TRUE(reply["error"].is_string()) << line;
  }
  Connection client(endpoint());
  EXPECT_EQ(client.Command(kAskCount), kCount);
}

TEST_F(ServerTest, ControlRefusesWrongTypesOfEveryArgument) {
  const json kRequests[] = {
      {{"command", "state"}, {"board", 0}},
      {{"command", "counters"}, {"board", 0}},
      {{"command", "pins"}, {"board", 0}},
      {{"command", "set_latency"}, {"board", 0}, {"microseconds", 0}},
      {{"command", "inject"}, {"board", 0}, {"fault", "late_reply"}, {"milliseconds", 0}, {"at", 1000}, {"times", 1}},
      {{"command", "inject"}, {"fault", "corrupt_reply"}, {"corruption", "command"}, {"at", 1000}},
      {{"command", "clear_faults"}, {"board", 0}},
      {{"command", "plug"}, {"board", 0}},
      {{"command", "unplug"}, {"board", 1}},
      {{"command", "power_cycle"}, {"board", 0}},
      {{"command", "quirk"}, {"board", 0}, {"quirk", "no-system-power"}},
      {{"command", "clear_quirks"}, {"board", 0}, {"quirk", "no-system-power"}},
      {{"command", "quirks"}, {"board", 0}},
      {{"command", "read_word"}, {"board", 0}, {"address", 0x20000000}},
      {{"command", "write_word"}, {"board", 0}, {"address", 0x20000000}, {"value", 1}},
      {{"command", "drive_pin"}, {"board", 0}, {"port", 0}, {"pin", 0}, {"level", "low"}},
  };
  const json kWrong[] = {nullptr, true, "wrong", "0", -1, 0.5, 1e300, json::array(), json::array({0}), json::object()};
  for (const json& request : kRequests) {
    for (const auto& [name, right] : request.items()) {
      for (const json& wrong : kWrong) {
        json spoiled = request;
        spoiled[name] = wrong;
        const json reply = Ask(spoiled);
        EXPECT_EQ(reply["ok"], false) << spoiled;
        EXPECT_TRUE(reply["error"].is_string()) << spoiled;
      }
    }
  }
  for (const std::unique_ptr<BoardServer>& board : boards_) {
    EXPECT_EQ(Connection(board->endpoint()).Command(kAskCount), kCount);
  }
  for (const json& request : kRequests) Do(request);
}

// The control port's own socket, on an event loop of its own.
class ControlServerTest : public ServerTest {
 protected:
  ControlServerTest() : server_(io_, AnyPort(), control_, NoLog()), thread_([this] { io_.run(); }) {}
  ~ControlServerTest() override {
    io_.stop();
    thread_.join();
  }

  asio::io_context io_;
  ControlServer server_;
  std::thread thread_;
};

TEST_F(ControlServerTest, AnswersLines) {
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect(server_.endpoint());
  asio::write(socket,
              asio::buffer(std::string("{\"command\":\"boards\",\"id\":1}\nbad\n{\"command\":\"plug\",\"id\":2}\n")));
  std::string received;
  std::vector<json> replies;
  for (int i = 0; i < 3; ++i) {
    const size_t length = asio::read_until(socket, asio::dynamic_buffer(received), '\n');
    replies.push_back(json::parse(received.substr(0, length)));
    received.erase(0, length);
  }
  EXPECT_EQ(replies[0]["id"], 1);
  EXPECT_EQ(replies[1]["ok"], false);
  EXPECT_EQ(replies[2]["id"], 2);
}

TEST_F(ControlServerTest, LongLinesEndTheConnection) {
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect(server_.endpoint());
  asio::write(socket, asio::buffer(std::string(kMaxControlLine, 'x')));
  std::string received;
  asio::error_code error;
  asio::read(socket, asio::dynamic_buffer(received), error);
  EXPECT_EQ(error, asio::error::eof);
  EXPECT_EQ(json::parse(received)["ok"], false);
}

TEST_F(ControlServerTest, ListensOnLoopbackOnly) {
  asio::io_context io;
  EXPECT_THROW(ControlServer(io, {asio::ip::address_v4::any(), 0}, control_, NoLog()), std::invalid_argument);
}

}  // namespace
}  // namespace probegate::sim
