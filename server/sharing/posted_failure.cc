#include "server/sharing/posted_failure.h"

#include <string>

#include "probe/error.h"

namespace probegate {

void PostedFailure::Note(const absl::Status& status, std::string_view what) {
  if (status.ok() || pending()) return;
  ErrorInfo info = GetError(status);
  info.completed_bytes.reset();  // they refer to a block other than that of the command that takes the failure
  std::string message = "an earlier ";
  message.append(what).append(", which was posted, failed: ").append(status.message().data(), status.message().size());
  status_ = MakeError(info, message);
}

}  // namespace probegate
