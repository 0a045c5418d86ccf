// Recordings: the contents of the file, and playing it back as a probe.
#include "server/packet_recorder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "probe/cmsis_dap/driver.h"
#include "probe/cmsis_dap/recording_transport.h"
#include "probe/error.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/replay_transport.h"

namespace probegate {
namespace {

using namespace std::chrono_literals;
using Packet = FakeTransport::Packet;
using testing::HasSubstr;
using testing::Not;

// A device that identifies itself, and answers transfers with words that count up.
std::vector<Packet> Answer(const Packet& request) {
  switch (request[0]) {
    case 0x00:
      if (request[1] == 0xF0) return {{0, 1, 1}};
      if (request[1] == 0xFE) return {{0, 1, 4}};
      if (request[1] == 0xFF) return {{0, 2, 64, 0}};
      return {{0, 2, 'X', 0}};
    case 0x06: {
      const size_t words = request[2] + 256u * request[3];
      Packet reply = {6, request[2], request[3], 1};
      for (size_t i = 0; i < 4 * words; ++i) reply.push_back(static_cast<uint8_t>(i));
      return {reply};
    }
    default:
      return {{request[0], 0}};
  }
}

class PacketRecorderTest : public testing::Test {
 protected:
  ~PacketRecorderTest() override { std::filesystem::remove(file); }

  std::unique_ptr<PacketRecorder> Open(const RecorderBounds& bounds = {}) {
    auto recorder = PacketRecorder::Open(file, log, bounds);
    EXPECT_TRUE(recorder.ok()) << recorder.status();
    return *std::move(recorder);
  }
  std::string Content() const {
    std::ostringstream content;
    content << std::ifstream(file).rdbuf();
    return content.str();
  }

  mode_t Mode() const {
    struct stat facts{};
    EXPECT_EQ(lstat(file.c_str(), &facts), 0);
    return facts.st_mode;
  }

  const std::string file = testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() +
                           std::to_string(getpid()) + ".jsonl";
  Log log{LogFormat::kText, LogLevel::kError};
};

TEST_F(PacketRecorderTest, WritesALineForEachPacketAndEvent) {
  {
    const auto recorder = Open();
    const auto sink = recorder->NewSink("tcp:\"odd\\name:1");
    sink->OnPacketOut(Packet{0x00, 0xFF});
    sink->OnPacketIn(Packet{0xAB});
    sink->OnEvent("error", "it \"broke\"\n");
  }
  const std::string content = Content();
  EXPECT_THAT(content, testing::MatchesRegex(R"re(\{"time":[0-9]+\.[0-9]{6},"recording":1,"version":".*)re"));
  EXPECT_THAT(content, HasSubstr(R"("probe":"tcp:\"odd\\name:1","event":"opened"})"));
  EXPECT_THAT(content, HasSubstr(R"("direction":"out","data":"00ff"})"));
  EXPECT_THAT(content, HasSubstr(R"("direction":"in","data":"ab"})"));
  EXPECT_THAT(content, HasSubstr(R"("event":"error","text":"it \"broke\" "})"));
  EXPECT_THAT(content, HasSubstr(R"("event":"closed"})"));
  EXPECT_EQ(std::count(content.begin(), content.end(), '\n'), 6);
  EXPECT_EQ(Mode() & 0777, 0600u);
}

TEST_F(PacketRecorderTest, AnExistingFileIsEmptiedAndMadePrivate) {
  std::ofstream(file) << "what others may read\n";
  ASSERT_EQ(chmod(file.c_str(), 0644), 0);
  Open();
  EXPECT_EQ(Mode() & 0777, 0600u);
  EXPECT_THAT(Content(), testing::StartsWith("{\"time\":"));
  EXPECT_THAT(Content(), Not(HasSubstr("others")));
}

TEST_F(PacketRecorderTest, LinksAndSpecialFilesAreRefused) {
  const std::string other = file + ".other";
  std::ofstream(other) << "kept";
  std::filesystem::create_symlink(other, file);
  EXPECT_TRUE(IsError(PacketRecorder::Open(file, log).status(), ErrorKind::kInvalidArgument));
  EXPECT_EQ(std::filesystem::file_size(other), 4u);
  std::filesystem::remove(other);
  std::filesystem::remove(file);
  EXPECT_TRUE(IsError(PacketRecorder::Open("/dev/null", log).status(), ErrorKind::kInvalidArgument));
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  EXPECT_TRUE(IsError(PacketRecorder::Open(file, log).status(), ErrorKind::kInvalidArgument));
}

TEST_F(PacketRecorderTest, AFileThatCannotBeCreatedIsAnError) {
  const auto recorder = PacketRecorder::Open(testing::TempDir() + "no/such/directory", log);
  EXPECT_TRUE(IsError(recorder.status(), ErrorKind::kInvalidArgument));
  EXPECT_THAT(std::string(recorder.status().message()), HasSubstr("--record"));
}

TEST_F(PacketRecorderTest, LinesThatDoNotFitAreDroppedAndCounted) {
  {
    const auto recorder = Open({.waiting_bytes = 400});
    const auto sink = recorder->NewSink("x");
    // More than fits, however much has been written to the file meanwhile.
    sink->OnPacketOut(Packet(1000));
    sink->OnPacketOut(Packet(1000));
    // This fits as soon as the rest has been written to the file.
    for (bool seen = false; !seen;) {
      sink->OnPacketIn(Packet{1});
      seen = Content().find(R"("direction":"in")") != std::string::npos;
    }
  }
  EXPECT_THAT(Content(), HasSubstr(R"("event":"left_out","lines":2})"));
  EXPECT_THAT(Content(), Not(HasSubstr(R"("direction":"out")")));
}

TEST_F(PacketRecorderTest, LinesDroppedAtTheEndAreCountedToo) {
  {
    const auto recorder = Open({.waiting_bytes = 0});
    recorder->NewSink("x")->OnPacketOut(Packet{1});
  }
  // The first line, "opened", the packet, and "closed".
  const std::string content = Content();
  EXPECT_THAT(content, HasSubstr(R"("event":"left_out","lines":4})"));
  EXPECT_EQ(std::count(content.begin(), content.end(), '\n'), 1);
}

TEST_F(PacketRecorderTest, TheFileDoesNotExceedItsSizeLimit) {
  {
    const auto recorder = Open({.file_bytes = 1000});
    const auto sink = recorder->NewSink("x");
    for (int i = 0; i < 1000; ++i) sink->OnPacketOut(Packet(100));
  }
  EXPECT_LE(std::filesystem::file_size(file), 1000u);
}

// Uses a probe, and returns the results.
std::vector<std::string> Use(std::unique_ptr<cmsis_dap::Transport> transport) {
  std::vector<std::string> results;
  const auto probe = cmsis_dap::OpenCmsisDap(std::move(transport), {.reply_timeout = 1ms});
  results.push_back(probe.status().ToString());
  if (!probe.ok()) return results;
  results.push_back((*probe)->info().product_name);
  results.push_back((*probe)->SetClock(2'000'000).status().ToString());
  std::vector<uint32_t> words(100);
  const TransferOp op{.port = Port::kAp, .address = 0xC, .read = absl::MakeSpan(words)};
  results.push_back((*probe)->Transfer({&op, 1}).status.ToString());
  for (const uint32_t word : words) results.push_back(std::to_string(word));
  return results;
}

TEST_F(PacketRecorderTest, ARecordingCanBePlayedBack) {
  std::vector<std::string> live;
  {
    const auto recorder = Open();
    auto transport = std::make_unique<FakeTransport>(Answer, std::make_shared<FakeTransport::Record>());
    live = Use(cmsis_dap::Record(std::move(transport), recorder->NewSink("usb:1-1")));
  }
  ASSERT_GT(live.size(), 100u);
  EXPECT_THAT(live[3], HasSubstr("OK"));
  std::ifstream stream(file);
  const auto steps = ReadRecording(stream, "usb:1-1");
  ASSERT_TRUE(steps.ok()) << steps.status();
  const auto mismatch = std::make_shared<std::string>();
  EXPECT_EQ(Use(Replay(*steps, mismatch)), live);
  EXPECT_EQ(*mismatch, "");
  // A program that differs from the recorded one is told where.
  auto other = Replay(*steps, mismatch);
  EXPECT_FALSE(other->Send(Packet{0x42}).ok());
  EXPECT_THAT(*mismatch, HasSubstr("step 0: sent is 42, recorded 00ff"));
}

// A transport that loses one packet before it is gone.
class Failing : public FakeTransport {
 public:
  explicit Failing(std::shared_ptr<Record> record) : FakeTransport(Answer, std::move(record)) {}
  absl::Status Send(absl::Span<const uint8_t>) override { return MakeError(ErrorKind::kProbeError, "it stalls"); }
};

TEST_F(PacketRecorderTest, TheLossOfTheProbeIsRecordedOnceEvenAfterErrors) {
  {
    const auto recorder = Open();
    const auto record = std::make_shared<FakeTransport::Record>();
    const auto transport = cmsis_dap::Record(std::make_unique<Failing>(record), recorder->NewSink("x"));
    EXPECT_FALSE(transport->Send(Packet{1}).ok());
    EXPECT_TRUE(transport->CheckPresent().ok());
    record->gone = true;
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(transport->CheckPresent().ok());
  }
  const std::string content = Content();
  EXPECT_THAT(content, HasSubstr(R"("event":"error","text":"it stalls")"));
  const auto gone = content.find(R"("event":"error","text":"the fake transport is gone")");
  ASSERT_NE(gone, std::string::npos);
  EXPECT_EQ(content.find("is gone", gone + 60), std::string::npos);
}

TEST_F(PacketRecorderTest, SwoFromItsEndpointCanBePlayedBack) {
  const auto listen = [](std::unique_ptr<cmsis_dap::Transport> transport, FakeTransport::Record* record) {
    std::vector<std::vector<uint8_t>> heard;
    const auto probe = cmsis_dap::OpenCmsisDap(std::move(transport), {.reply_timeout = 1ms});
    EXPECT_TRUE(probe.ok() && (*probe)->SwoStart(1'000'000).ok());
    for (const char byte : {'a', 'b', 'c'}) {
      if (record != nullptr && byte != 'b') record->trace.assign(3, static_cast<uint8_t>(byte));
      heard.push_back((*probe)->SwoRead().value_or(SwoData{}).bytes);
    }
    EXPECT_TRUE((*probe)->SwoStop().ok());
    return heard;
  };
  const auto answer = [](const Packet& request) -> std::vector<Packet> {
    if (request == Packet{0x00, 0xF0}) return {{0, 1, 1 | 1 << 2 | 1 << 6}};
    if (request[0] == 0x19) return {request};
    if (request[0] == 0x1B) return {{0x1B, 1, 0, 0, 0, 0}};
    return Answer(request);
  };
  std::vector<std::vector<uint8_t>> live;
  {
    const auto recorder = Open();
    const auto record = std::make_shared<FakeTransport::Record>();
    record->has_trace = true;
    live = listen(cmsis_dap::Record(std::make_unique<FakeTransport>(answer, record), recorder->NewSink("x")),
                  record.get());
  }
  EXPECT_EQ(live, (std::vector<std::vector<uint8_t>>{{'a', 'a', 'a'}, {}, {'c', 'c', 'c'}}));
  EXPECT_THAT(Content(), HasSubstr(R"("direction":"trace","data":"616161")"));
  std::ifstream stream(file);
  const auto mismatch = std::make_shared<std::string>();
  EXPECT_EQ(listen(Replay(*ReadRecording(stream, "x"), mismatch), nullptr), live);
  EXPECT_EQ(*mismatch, "");
}

TEST_F(PacketRecorderTest, SilenceAndErrorsCanBePlayedBack) {
  {
    const auto recorder = Open();
    const auto sink = recorder->NewSink("a");
    sink->OnPacketOut(Packet{1});
    sink->OnEvent("silence", {});
    sink->OnEvent("restore", "1");
    sink->OnEvent("error", "lost");
  }
  std::ifstream stream(file);
  const auto transport = Replay(*ReadRecording(stream, ""), std::make_shared<std::string>());
  ASSERT_TRUE(transport->Send(Packet{1}).ok());
  EXPECT_EQ(*transport->Receive({}), std::nullopt);
  EXPECT_TRUE(IsError(transport->Receive({}).status(), ErrorKind::kProbeDisconnected));
  std::istringstream nonsense("{\"probe\":\"a\"}\nnonsense\n");
  EXPECT_THAT(std::string(ReadRecording(nonsense, "").status().message()), HasSubstr("line 2"));
}

}  // namespace
}  // namespace probegate
