#include "sim/flash_store.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "spdlog/sinks/ringbuffer_sink.h"
#include "spdlog/spdlog.h"

namespace probegate::sim {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto kPatience = 60s;
constexpr uint32_t kUicr = 0x10001000;

class FlashStoreTest : public testing::Test {
 protected:
  FlashStoreTest() {
    std::filesystem::remove_all(directory_);
    log_ = std::make_shared<spdlog::logger>("test", log_lines_);
    log_->set_pattern("%v");
  }
  ~FlashStoreTest() override { std::filesystem::remove_all(directory_); }

  FlashStore MakeStore(std::chrono::milliseconds delay = 0ms) { return FlashStore(directory_, log_, delay); }

  std::string ReadError(const std::string& serial) {
    FlashStore store = MakeStore();
    try {
      store.Read(serial);
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }

  template <typename Condition>
  static bool WaitFor(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  const std::string directory_ = testing::TempDir() + "flash_store_test." + std::to_string(::getpid());
  const std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> log_lines_ =
      std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(16);
  std::shared_ptr<spdlog::logger> log_;
};

TEST_F(FlashStoreTest, ChangesSurviveARestart) {
  {
    FlashStore store = MakeStore(1h);
    EXPECT_FALSE(store.Read("A"));
    FlashContents initial;
    initial.Write(8, std::vector<uint8_t>{7});
    const FlashChanged changed = store.Keep("A", initial);
    store.Keep("B", initial);
    changed(0, std::vector<uint8_t>{1, 2});
    changed(kUicr, std::vector<uint8_t>{3});
  }
  FlashStore store = MakeStore();
  const std::optional<FlashContents> kept = store.Read("A");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->flash()[0], 1);
  EXPECT_EQ(kept->flash()[1], 2);
  EXPECT_EQ(kept->flash()[2], 0xFF);
  EXPECT_EQ(kept->flash()[8], 7);
  EXPECT_EQ(kept->uicr()[0], 3);
  EXPECT_FALSE(store.Read("B")) << "has not changed";
}

TEST_F(FlashStoreTest, ChangesReachTheDiskWhileTheBoardRuns) {
  FlashStore store = MakeStore();
  const FlashChanged changed = store.Keep("A", FlashContents());
  for (uint8_t value = 1; value <= 3; ++value) {
    changed(100, std::vector<uint8_t>{value});
    EXPECT_TRUE(WaitFor([&] {
      const std::optional<FlashContents> kept = store.Read("A");
      return kept && kept->flash()[100] == value;
    })) << int{value};
  }
}

TEST_F(FlashStoreTest, ManyBoardsFromManyThreads) {
  constexpr int kBoards = 8;
  constexpr uint32_t kChanges = 500;
  {
    FlashStore store = MakeStore(1ms);
    std::vector<std::thread> threads;
    for (int i = 0; i < kBoards; ++i) {
      threads.emplace_back([changed = store.Keep("B" + std::to_string(i), FlashContents()), i] {
        for (uint32_t n = 0; n < kChanges; ++n) changed(n, std::vector<uint8_t>{static_cast<uint8_t>(i + 1)});
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  FlashStore store = MakeStore();
  for (int i = 0; i < kBoards; ++i) {
    const std::optional<FlashContents> kept = store.Read("B" + std::to_string(i));
    ASSERT_TRUE(kept) << i;
    const auto changes = kept->flash().first(kChanges);
    EXPECT_EQ(std::count(changes.begin(), changes.end(), i + 1), kChanges) << i;
  }
}

TEST_F(FlashStoreTest, InvalidFilesAreReported) {
  MakeStore();
  const std::string path = directory_ + "/A.flash";
  std::ofstream(path) << "short";
  EXPECT_THAT(ReadError("A"), HasSubstr(path + ": 5 bytes, but a board's flash and UICR have 1052672"));
  std::filesystem::resize_file(path, FlashContents::kSize + 1);
  EXPECT_THAT(ReadError("A"), HasSubstr("1052673 bytes"));
  std::filesystem::resize_file(path, FlashContents::kSize);
  EXPECT_EQ(ReadError("A"), "");
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_EQ(ReadError("A"), path + ": not a regular file");
}

TEST_F(FlashStoreTest, UnusableDirectoriesAreReported) {
  const std::string file = directory_ + ".file";
  std::ofstream(file) << "x";
  try {
    FlashStore store(file + "/below", log_);
    ADD_FAILURE() << "accepted a directory below a file";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cannot create directory " + file + "/below"));
  }
  std::filesystem::remove(file);

  const FlashStore first = MakeStore();
  try {
    MakeStore();
    ADD_FAILURE() << "accepted a directory that is in use";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), directory_ + ": in use by another process");
  }
}

TEST_F(FlashStoreTest, ASerialNumberCannotLeadOutOfTheDirectory) {
  {
    FlashStore store = MakeStore();
    store.Keep("../x/.y %", FlashContents())(0, std::vector<uint8_t>{1});
  }
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/%2E%2E%2Fx%2F%2Ey%20%25.flash"));
  EXPECT_TRUE(MakeStore().Read("../x/.y %"));
}

TEST_F(FlashStoreTest, FailedWritesAreLoggedOnceAndRetried) {
  FlashStore store = MakeStore();
  const FlashChanged changed = store.Keep("A", FlashContents());
  std::filesystem::remove_all(directory_);
  changed(0, std::vector<uint8_t>{1});
  ASSERT_TRUE(WaitFor([&] { return !log_lines_->last_formatted().empty(); }));
  std::filesystem::create_directories(directory_);
  ASSERT_TRUE(WaitFor([&] { return log_lines_->last_formatted().size() > 1; }));
  EXPECT_THAT(log_lines_->last_formatted(),
              testing::ElementsAre(HasSubstr("cannot save the flash of board A, will keep trying: " + directory_),
                                   HasSubstr("the flash of board A is being saved again")));
  EXPECT_EQ(store.Read("A")->flash()[0], 1);
}

// A child process that writes all the time is killed at an arbitrary point; the file must then hold one of its states.
TEST_F(FlashStoreTest, AFileIsNeverTorn) {
  for (int round = 0; round < 5; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      FlashStore store = MakeStore();
      const FlashChanged changed = store.Keep("A", FlashContents());
      for (uint8_t value = 1;; value = static_cast<uint8_t>(value % 250 + 1)) {
        changed(0, std::vector<uint8_t>(kFlashArea.size, value));
      }
    }
    std::vector<uint8_t> seen;  // the first byte of each state found
    EXPECT_TRUE(WaitFor([&] {
      std::ifstream file(directory_ + "/A.flash", std::ios::binary);
      const int first = file.get();
      if (first > 0 && (seen.empty() || seen.back() != first)) seen.push_back(static_cast<uint8_t>(first));
      return seen.size() > 3;
    }));
    kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const std::optional<FlashContents> kept = MakeStore().Read("A");
    ASSERT_TRUE(kept);
    const auto flash = kept->flash();
    EXPECT_EQ(std::count(flash.begin(), flash.end(), flash[0]), kFlashArea.size) << round;
  }
}

}  // namespace
}  // namespace probegate::sim
