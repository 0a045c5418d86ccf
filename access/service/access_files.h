// Keeps what AccessControl knows up to date with the access file, the file of tokens and the keys of issuers, and
// records what happens to them.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "access/access_file.h"
#include "access/service/access_control.h"
#include "access/service/access_trail.h"
#include "telemetry/log.h"

namespace probegate {

class AccessFiles {
 public:
  // From now on, `access` knows what the files say. `changed` is called after each change, on a thread of this object;
  // it, `access`, `trail` and `log` must outlive this. Errors: as AccessFile::Open.
  static absl::StatusOr<std::unique_ptr<AccessFiles>> Open(const AccessFile::Paths& paths, AccessControl& access,
                                                           AccessTrail& trail, Log& log, std::function<void()> changed);
  // Waits for `changed` if it is being called.
  ~AccessFiles();
  AccessFiles(const AccessFiles&) = delete;
  AccessFiles& operator=(const AccessFiles&) = delete;

 private:
  class LogOfKeys;
  AccessFiles() = default;

  std::shared_ptr<LogOfKeys> log_of_keys_;
  std::unique_ptr<AccessFile> file_;
};

}  // namespace probegate
