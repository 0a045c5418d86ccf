#include "base/open_files.h"

#include <sys/resource.h>

#include <algorithm>

namespace probegate {
namespace {

// If there are few files, at most half of them.
constexpr uint64_t kForOthers = 128;

}  // namespace

size_t RaiseOpenFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

QuotaLimits FitIntoOpenFiles(const QuotaLimits& limits, uint64_t files_each, size_t open_files) {
  const uint64_t for_connections = open_files - std::min<uint64_t>(kForOthers, open_files / 2);
  const uint64_t fitting = std::max<uint64_t>(for_connections / files_each, 1);
  if (fitting >= limits.all) return limits;
  const uint64_t share = static_cast<uint64_t>(static_cast<double>(limits.per_client) * static_cast<double>(fitting) /
                                               static_cast<double>(limits.all));
  return {.all = fitting, .per_client = std::max<uint64_t>(share, 1)};
}

}  // namespace probegate
