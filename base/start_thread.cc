#include "base/start_thread.h"

#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/signals.h"

namespace probegate {

absl::Status StartThread(std::thread& thread, const std::string& purpose, std::function<void()> work) {
  const SignalsBlocked blocked;
  try {
    thread = std::thread(std::move(work));
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot start a thread for ", purpose, ": ", error.what(),
                                                     "; raise the limit of threads (ulimit -u, or TasksMax)"));
  }
  return absl::OkStatus();
}

absl::Status StartDetached(const std::string& purpose, std::function<void()> work) {
  std::thread thread;
  absl::Status started = StartThread(thread, purpose, std::move(work));
  if (started.ok()) thread.detach();
  return started;
}

}  // namespace probegate
