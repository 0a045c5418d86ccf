// Starts threads, or says that the system has none left: in a service with TasksMax, for instance.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "absl/status/status.h"

namespace probegate {

// Runs `work` on a new thread, which becomes `thread`; it must not have one. The new thread receives no signals
// (SignalsBlocked). RESOURCE_EXHAUSTED if the system cannot start a thread: the message is "cannot start a thread for
// <purpose>: ", the system's reason, and what helps. Threads: any.
absl::Status StartThread(std::thread& thread, const std::string& purpose, std::function<void()> work);

// As StartThread, for a thread whose end nobody waits for, because it may hang in a call to the system. `work` must own
// everything that it uses, or keep it from ending.
absl::Status StartDetached(const std::string& purpose, std::function<void()> work);

}  // namespace probegate
