#include "telemetry/process_metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <ctime>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/file_descriptor.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

class ProcessMetricsTest : public testing::Test {
 protected:
  ProcessMetricsTest() { AddProcessMetrics(metrics_); }

  // The present value of `name`, from Expose.
  std::optional<double> Value(const std::string& name) {
    std::istringstream lines(metrics_.Expose());
    std::string line;
    while (std::getline(lines, line)) {
      if (line.starts_with(name + " ")) return std::stod(line.substr(name.size() + 1));
    }
    return std::nullopt;
  }

  MetricSet metrics_;
};

TEST_F(ProcessMetricsTest, AllMetricsAreShown) {
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
                           "process_open_fds", "process_max_fds", "process_start_time_seconds", "process_threads"}) {
    EXPECT_TRUE(Value(name)) << name;
  }
}

TEST_F(ProcessMetricsTest, CpuTimeIsCountedOnce) {
  const double before = *Value("process_cpu_seconds_total");
  EXPECT_LE(before, static_cast<double>(std::clock()) / CLOCKS_PER_SEC + 0.1);
  const std::clock_t start = std::clock();
  while (std::clock() - start < CLOCKS_PER_SEC / 10) {
  }
  double after = 0;
  for (int i = 0; i < 5; ++i) after = *Value("process_cpu_seconds_total");  // reading it again must not count it again
  EXPECT_GE(after - before, 0.05);                                          // the kernel's clock ticks are coarse
  EXPECT_LE(after, static_cast<double>(std::clock()) / CLOCKS_PER_SEC + 0.1);
}

TEST_F(ProcessMetricsTest, MemoryIsMeasured) {
  const double page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  const double before = *Value("process_resident_memory_bytes");
  EXPECT_GT(before, 100 * page);
  EXPECT_GT(*Value("process_virtual_memory_bytes"), before);
  std::vector<char> block(64 << 20);
  for (size_t at = 0; at < block.size(); at += 1024) static_cast<volatile char*>(block.data())[at] = 1;
  EXPECT_GT(*Value("process_resident_memory_bytes"), before + (48 << 20));
}

TEST_F(ProcessMetricsTest, FilesAreCounted) {
  const double before = *Value("process_open_fds");
  const FileDescriptor one(::open("/dev/null", O_RDONLY));
  const FileDescriptor two(::open("/dev/null", O_RDONLY));
  EXPECT_EQ(*Value("process_open_fds"), before + 2);
  EXPECT_GT(*Value("process_max_fds"), before);
}

TEST_F(ProcessMetricsTest, ThreadsAreCounted) {
  std::mutex held;
  const auto wait = [&held] { std::lock_guard<std::mutex> until(held); };
  std::unique_lock<std::mutex> lock(held);
  // When the first thread is started, a sanitizer starts one of its own.
  const std::jthread first(wait);
  const double before = *Value("process_threads");
  const std::jthread second(wait);
  EXPECT_EQ(*Value("process_threads"), before + 1);
  lock.unlock();
}

TEST_F(ProcessMetricsTest, TheStartTimeIsInThePastAndDoesNotChange) {
  const double start = *Value("process_start_time_seconds");
  const double now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(start, now + 2);
  EXPECT_GT(start, now - 24 * 3600);
  EXPECT_EQ(*Value("process_start_time_seconds"), start);
}

}  // namespace
}  // namespace probegate
