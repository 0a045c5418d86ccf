// The engine: a program that runs by itself, and visitors that find it standing still.
#include "sim/engine.h"

#include <chrono>

#include "core_fixture.h"
#include "spdlog/sinks/null_sink.h"
#include "spdlog/spdlog.h"

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
    engine_ = std::make_unique<Engine>(chip(), pace, std::make_shared<spdlog::logger>("", null_));
  }
  // Counts in kCounter for ever: ldr r0, =kCounter; loop: ldr r1, [r0]; adds r1, #1; str r1, [r0]; b loop
  void PutCounter() { Put(kEntry, {0x4802, 0x6801, 0x3101, 0x6001, 0xE7FB, 0xBF00, 0x0100, 0x2000}); }

  uint32_t Count() {
    const Engine::Stop stop(*engine_);
    return Read(kCounter);
  }
  template <typename Condition>
  bool Comes(Condition condition) {
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

  const std::shared_ptr<spdlog::sinks::null_sink_mt> null_ = std::make_shared<spdlog::sinks::null_sink_mt>();
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, ProgramRunsByItself) {
  PutCounter();
  StartEngine();
  EXPECT_TRUE(Comes([&] { return Read(kCounter) > 1000; }));
}

TEST_F(EngineTest, VisitorFindsItStandingStill) {
  PutCounter();
  StartEngine();
  for (int i = 0; i < 1000; ++i) {
    const Engine::Stop stop(*engine_);
    const uint32_t count = Read(kCounter);
    const uint64_t now = chip().clock().now();
    EXPECT_EQ(Read(kCounter), count);
    EXPECT_EQ(chip().clock().now(), now);
  }
  EXPECT_TRUE(Comes([&] { return Read(kCounter) > 1000; }));
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
  EXPECT_TRUE(Comes([&] { return Read(kCounter) > count + 1000; }));
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
  engine_ = std::make_unique<Engine>(chip(), Engine::Pace::kFast, std::make_shared<spdlog::logger>("", null_));
  EXPECT_TRUE(Comes([&] { return Reg(4) == 20; })) << "each alarm has been seen for itself";
  engine_.reset();
}

TEST_F(EngineTest, RealTimeIsNotOutrun) {
  PutCounter();
  const auto start = steady_clock::now();
  StartEngine(Engine::Pace::kRealTime);
  ASSERT_TRUE(Comes([&] { return chip().clock().now() > 640'000; }));
  const Engine::Stop stop(*engine_);
  const double elapsed = std::chrono::duration<double>(steady_clock::now() - start).count();
  EXPECT_LE(static_cast<double>(chip().clock().now()) / chip().clock().hz(), elapsed + 0.002);
}

TEST_F(EngineTest, EndsWhateverTheCoreDoes) {
  PutCounter();
  for (int i = 0; i < 20; ++i) {
    StartEngine(i % 2 == 0 ? Engine::Pace::kFast : Engine::Pace::kRealTime);
    engine_.reset();
  }
}

}  // namespace
}  // namespace probegate::sim
