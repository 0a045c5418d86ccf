#include "telemetry/connection_limits.h"

#include "base/open_files.h"

namespace probegate {

QuotaLimits ConnectionLimits(const QuotaLimits& wanted, Log& log, uint64_t files_each) {
  const size_t open_files = RaiseOpenFileLimit();
  const QuotaLimits fitting = FitIntoOpenFiles(wanted, files_each, open_files);
  if (fitting.all < wanted.all) {
    log.Warning("connections.limited", {{"connections", fitting.all},
                                        {"per_client", fitting.per_client},
                                        {"wanted", wanted.all},
                                        {"open_files", open_files},
                                        {"hint", "raise the limit on open files (ulimit -n, systemd's LimitNOFILE)"}});
  }
  return fitting;
}

}  // namespace probegate
