// The events in a board's trace, and what happens if it cannot be written.
#include "sim/trace.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core_fixture.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"

namespace probegate::sim {
namespace {

class TraceTest : public CoreFixture {
 protected:
  TraceTest() : path_(testing::TempDir() + "/board.trace") {}
  ~TraceTest() override { std::filesystem::remove(path_); }

  void Trace(const std::string& path) {
    trace_ = std::make_unique<probegate::sim::Trace>(chip().clock(), path, log_);
    chip().TraceTo(*trace_);
  }
  std::string Lines() {
    trace_.reset();
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const std::string path_;
  std::ostringstream text_;
  const std::shared_ptr<spdlog::logger> log_ =
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_));
  std::unique_ptr<probegate::sim::Trace> trace_;
};

TEST_F(TraceTest, RecordsEachEventOnce) {
  Put(kEntry, {0xDF00, 0xDE00});  // svc; udf
  Handle(kSvCall, {0x4770});
  Handle(kHardFault, {0xE7FE});
  Start();
  Trace(path_);
  Attach();
  Write(kDemcr, 1u << 10);
  EXPECT_EQ(Run(), End::kHalted);
  Step();
  chip().Reset(ResetCause::kPin);
  EXPECT_EQ(Lines(),
            "0 reset power-on\n"
            "1 exception 11\n"
            "2 return 00000402\n"
            "3 exception 3\n"
            "3 halt 08 000010c0\n"
            "3 resume 000010c0\n"
            "4 halt 09 000010c0\n"
            "4 reset pin\n");
}

TEST_F(TraceTest, RecordsALockup) {
  PutWords(0, {0xFFFFFFFF, 0xFFFFFFFF});
  Start();
  Trace(path_);
  Run();
  EXPECT_NE(Lines().find(" lockup\n"), std::string::npos);
}

TEST_F(TraceTest, FullDiskEndsItWithOneMessage) {
  Put(kEntry, {0xDF00, 0xE7FD});  // svc; b back
  Handle(kSvCall, {0x4770});
  Start();
  Trace("/dev/full");
  Run();
  trace_.reset();
  const std::string logged = text_.str();
  EXPECT_NE(logged.find("cannot write to /dev/full, so the trace ends here: No space left"), std::string::npos)
      << logged;
  EXPECT_EQ(std::count(logged.begin(), logged.end(), '\n'), 1);
}

TEST_F(TraceTest, FileThatCannotBeCreatedIsAnError) {
  Start();
  EXPECT_THROW(Trace("/no/such/directory/board.trace"), std::runtime_error);
}

}  // namespace
}  // namespace probegate::sim
