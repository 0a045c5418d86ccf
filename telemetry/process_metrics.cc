#include "telemetry/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace probegate {
namespace {

constexpr CounterRow kCpu{"process_cpu_seconds_total", "Total user and system CPU time spent in seconds."};
constexpr GaugeRow kResident{"process_resident_memory_bytes", "Resident memory size in bytes."};
constexpr GaugeRow kVirtual{"process_virtual_memory_bytes", "Virtual memory size in bytes."};
constexpr GaugeRow kOpenFiles{"process_open_fds", "Number of open file descriptors."};
constexpr GaugeRow kMostFiles{"process_max_fds", "Maximum number of open file descriptors."};
constexpr GaugeRow kStart{"process_start_time_seconds", "Start time of the process since unix epoch in seconds."};
constexpr GaugeRow kThreads{"process_threads", "Number of OS threads in the process."};

// Fields of /proc/self/stat after the program's name. They are counted from the state, which is number 3 in proc(5).
constexpr size_t kUserTicks = 14 - 3;
constexpr size_t kSystemTicks = 15 - 3;
constexpr size_t kThreadCount = 20 - 3;
constexpr size_t kStartTicks = 22 - 3;
constexpr size_t kVirtualBytes = 23 - 3;
constexpr size_t kResidentPages = 24 - 3;
using StatFields = std::array<double, kResidentPages + 1>;

std::string Content(const char* file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::optional<StatFields> ReadStat() {
  const std::string text = Content("/proc/self/stat");
  // The name is in parentheses and may itself contain parentheses.
  const size_t name_end = text.rfind(") ");
  if (name_end == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(text).substr(name_end + 2);
  StatFields fields{};
  for (double& field : fields) {
    const size_t space = rest.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    std::from_chars(rest.data(), rest.data() + space, field);  // the state is a letter, so its field stays 0
    rest.remove_prefix(space + 1);
  }
  return fields;
}

// When the machine was started, in seconds since 1970.
std::optional<double> ReadBootTime() {
  constexpr std::string_view kKey = "\nbtime ";
  const std::string text = Content("/proc/stat");
  const size_t at = text.find(kKey);
  double seconds = 0;
  if (at == std::string::npos) return std::nullopt;
  std::from_chars(text.data() + at + kKey.size(), text.data() + text.size(), seconds);
  return seconds;
}

std::optional<double> CountOpenFiles() {
  std::error_code error;
  std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (error) return std::nullopt;
  return static_cast<double>(std::distance(files, {}) - 1);  // opening the directory has added one
}

class ProcessMetrics {
 public:
  explicit ProcessMetrics(MetricSet& set)
      : cpu_(set, kCpu),
        resident_(set, kResident),
        virtual_(set, kVirtual),
        open_files_(set, kOpenFiles),
        most_files_(set, kMostFiles),
        start_(set, kStart),
        threads_(set, kThreads) {}

  void Refresh() {
    if (const auto stat = ReadStat()) ShowStat(*stat);
    if (const auto files = CountOpenFiles()) open_files_.Set(*files);
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    most_files_.Set(limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<double>::infinity()
                                                    : static_cast<double>(limit.rlim_cur));
  }

 private:
  void ShowStat(const StatFields& stat) {
    // A counter has no Set, so it gets what was added since the last call.
    cpu_.Add((stat[kUserTicks] + stat[kSystemTicks]) / ticks_per_second_ - cpu_.value());
    resident_.Set(stat[kResidentPages] * page_size_);
    virtual_.Set(stat[kVirtualBytes]);
    threads_.Set(stat[kThreadCount]);
    if (boot_time_) start_.Set(*boot_time_ + stat[kStartTicks] / ticks_per_second_);
  }

  const double ticks_per_second_ = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const double page_size_ = static_cast<double>(::sysconf(_SC_PAGESIZE));
  // Read once, because the boot time changes when the clock is set, and the process's start time must not.
  const std::optional<double> boot_time_ = ReadBootTime();
  Counter cpu_;
  Gauge resident_;
  Gauge virtual_;
  Gauge open_files_;
  Gauge most_files_;
  Gauge start_;
  Gauge threads_;
};

}  // namespace

void AddProcessMetrics(MetricSet& metrics) {
  metrics.BeforeExpose([process = std::make_shared<ProcessMetrics>(metrics)] { process->Refresh(); });
}

}  // namespace probegate
