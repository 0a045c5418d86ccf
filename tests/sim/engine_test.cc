// The engine: a program runs by itself, and stands still while another thread accesses the chip.
#include "sim/engine.h"

#include <chrono>
#include <new>
#include <sstream>
#include <thread>

#include "core_fixture.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"
#include "tests/base/bounded_wait.h"

namespace probegate::sim {
namespace {

using std::chrono::steady_clock;

constexpr uint32_t kCounter = kRam + 0x100;
constexpr auto kBound = std::chrono::seconds(30);
constexpr uint16_t kWfi = 0xBF30;
constexpr unsigned kIrq0 = kFirstInterrupt;

class EngineTest : public CoreFixture {
 protected:
  void StartEngine(Engine::Pace pace = Engine::Pace::kFast) {
    Start();
    Write(kCounter, 0);
    engine_ = std::make_unique<Engine>(chip(), pace);
  }
  // A program that increments kCounter forever: ldr r0, =kCounter; loop: ldr r1, [r0]; adds r1, #1; str r1, [r0]; b
  // loop
  void PutCounter() { Put(kEntry, {0x4802, 0x6801, 0x3101, 0x6001, 0xE7FB, 0xBF00, 0x0100, 0x2000}); }

  uint32_t Count() {
    const Engine::Stop stop(*engine_);
    return Read(kCounter);
  }
  template <typename Condition>
  bool Eventually(Condition condition) {
    const auto deadline = steady_clock::now() + kBound;
    while (steady_clock::now() < deadline) {
      {
        const Engine::Stop stop(*engine_);
        if (condition()) return true;
      }
      std::this_thread::yield();
    }
    return false;
  }

  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, ProgramRunsByItself) {
  PutCounter();
  StartEngine();
  EXPECT_TRUE(Eventually([&] { return Read(kCounter) > 1000; }));
}

TEST_F(EngineTest, ChipStandsStillDuringAStop) {
  PutCounter();
  StartEngine();
  for (int i = 0; i < 1000; ++i) {
    const Engine::Stop stop(*engine_);
    const uint32_t count = Read(kCounter);
    const uint64_t now = chip().clock().now();
    EXPECT_EQ(Read(kCounter), count);
    EXPECT_EQ(chip().clock().now(), now);
  }
  EXPECT_TRUE(Eventually([&] { return Read(kCounter) > 1000; }));
}

TEST_F(EngineTest, HaltedCoreStaysUntilItIsResumed) {
  PutCounter();
  StartEngine();
  {
    const Engine::Stop stop(*engine_);
    Halt();
  }
  const uint32_t count = Count();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Count(), count);
  {
    const Engine::Stop stop(*engine_);
    Resume();
  }
  EXPECT_TRUE(Eventually([&] { return Read(kCounter) > count + 1000; }));
}

TEST_F(EngineTest, AlarmWakesASleepingCore) {
  Put(kEntry, {kWfi, 0xE7FD});      // wfi; b back
  Handle(kIrq0, {0x3401, 0x4770});  // adds r4, #1; bx lr
  Start();
  Write(0xE000E100, 1);
  int rings = 0;
  std::unique_ptr<Alarm> alarm;
  alarm = std::make_unique<Alarm>(chip().clock(), [&] {
    nvic().Pend(kIrq0);
    if (++rings < 20) alarm->SetIn(1000);
  });
  alarm->SetIn(1000);
  engine_ = std::make_unique<Engine>(chip(), Engine::Pace::kFast);
  EXPECT_TRUE(Eventually([&] { return Reg(4) == 20; })) << "each alarm has woken the core";
  engine_.reset();
}

TEST_F(EngineTest, RealTimePaceIsNotFasterThanTheChip) {
  PutCounter();
  const auto start = steady_clock::now();
  StartEngine(Engine::Pace::kRealTime);
  ASSERT_TRUE(Eventually([&] { return chip().clock().now() > 640'000; }));
  const Engine::Stop stop(*engine_);
  const double elapsed = std::chrono::duration<double>(steady_clock::now() - start).count();
  EXPECT_LE(static_cast<double>(chip().clock().now()) / chip().clock().hz(), elapsed + 0.002);
}

// A region whose accesses run out of memory.
class Exhausted : public Region {
 public:
  uint32_t Read(uint32_t, unsigned) override { throw std::bad_alloc(); }
  void Write(uint32_t, unsigned, uint32_t) override { throw std::bad_alloc(); }
};

struct FailureRow {
  const char* name;
  uint16_t access;  // an instruction that accesses the address in r0
};
class FailureTest : public EngineTest, public testing::WithParamInterface<FailureRow> {};

TEST_P(FailureTest, LocksUpOnlyThisCore) {
  Put(kEntry, {GetParam().access, 0xE7FD});
  Exhausted exhausted;
  const auto text = std::make_shared<std::ostringstream>();
  const auto log = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_mt>(*text));
  Start({.log = log, .board = "board 3"});
  chip().bus().Map(0x60000000, 0x1000, exhausted);
  SetReg(0, 0x60000010);
  Chip other(1, [] {
    FlashContents contents;
    contents.Write(0, std::vector<uint8_t>{0, 0x80, 0, 0x20, 9, 0, 0, 0, 1, 0x30, 0xFD, 0xE7});  // adds r0, #1; b back
    return contents;
  }());
  Engine others(other, Engine::Pace::kFast);
  engine_ = std::make_unique<Engine>(chip(), Engine::Pace::kFast);
  ASSERT_TRUE(Eventually([&] { return chip().processor().locked_up(); }));
  {
    const Engine::Stop stop(*engine_);
    EXPECT_NE(text->str().find("board 3: the core cannot continue"), std::string::npos) << text->str();
    EXPECT_NE(text->str().find("bad_alloc"), std::string::npos) << text->str();
    EXPECT_EQ(Read(kDhcsr) >> 19 & 1, 1u);
    Halt();  // and a debugger gets it going again
    core().Write(CpuRegister::kPc, kEntry + 2);
    SetReg(0, kRam);
    Resume();
  }
  EXPECT_TRUE(Eventually([&] { return chip().clock().now() > 1000 && !chip().processor().locked_up(); }));
  const auto other_counts = [&] {
    const Engine::Stop stop(others);
    return other.processor().core().Read(CpuRegister::kR0);
  };
  const uint32_t before = other_counts();
  AwaitTrue([&] { return other_counts() != before; }, "the other board's core counts on");
  engine_.reset();
}

INSTANTIATE_TEST_SUITE_P(Accesses, FailureTest,
                         testing::Values(FailureRow{"Load", 0x6801}, FailureRow{"Store", 0x6001}),
                         [](const auto& test) { return test.param.name; });

TEST_F(EngineTest, EndsWhileTheCoreExecutes) {
  PutCounter();
  for (int i = 0; i < 20; ++i) {
    StartEngine(i % 2 == 0 ? Engine::Pace::kFast : Engine::Pace::kRealTime);
    engine_.reset();
  }
}

}  // namespace
}  // namespace probegate::sim
