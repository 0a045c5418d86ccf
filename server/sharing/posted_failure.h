// A posted command of a session that failed, until one that waits for its answer takes the failure.
//
// Posted commands are answered before they are carried out (StreamRequest.posted): their client goes on as if they had
// succeeded. So what it sends after a failure, believing that the earlier write was done, must not run: a write to DRW
// after a failed one to TAR would hit another address. The client learns of the failure from the next answer that it
// waits for.
#pragma once

#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace probegate {

// Threads: one at a time.
class PostedFailure {
 public:
  bool pending() const { return !status_.ok(); }
  const absl::Status& status() const { return status_; }

  // A posted command, `what`, ended with `status`. Of several failures the first counts.
  void Note(const absl::Status& status, std::string_view what);

  // The error with which the command that takes the failure is answered. OK if none is pending; none is afterwards.
  absl::Status Take() { return std::exchange(status_, absl::OkStatus()); }

 private:
  absl::Status status_;
};

}  // namespace probegate
