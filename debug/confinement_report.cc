#include "debug/confinement_report.h"

namespace probegate {
namespace {

constexpr int kLandlockPorts = 4;  // the version that restricts TCP

struct OpenRow {
  bool (*is_open)(const ConfinementReport& report);
  const char* what;
};
constexpr OpenRow kRows[] = {
    {[](const auto& r) { return !r.namespaces && r.landlock < kLandlockPorts; }, "TCP connections to any address"},
    {[](const auto& r) { return !r.namespaces && r.landlock >= kLandlockPorts; },
     "TCP connections to the port of the session's gateway at any address"},
    {[](const auto& r) { return !r.namespaces; }, "the disk, except that each file has a limit"},
    {[](const auto& r) { return !r.threads && r.root; }, "the number of threads"},
    {[](const auto& r) { return !r.threads && !r.root && !r.namespaces; },
     "the number of threads, except that all sessions together have a limit"},
    {[](const auto& r) { return !r.processors; }, "processor time"},
    {[](const auto& r) { return !r.memory; }, "memory up to 4 GiB for each program"},
};

}  // namespace

std::string ConfinementReport::Open() const {
  std::string open;
  for (const OpenRow& row : kRows) {
    if (row.is_open(*this)) open += (open.empty() ? "" : "; ") + std::string(row.what);
  }
  return open;
}

}  // namespace probegate
