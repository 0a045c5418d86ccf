// Starts threads whose end nobody waits for, because they may hang in a call to the system.
#pragma once

#include <functional>

namespace probegate {

// Runs `run` on a thread of its own, with all signals blocked, because the program waits for signals elsewhere. `run`
// must own everything that it uses. False if the system has no thread left; `run` is then not called.
bool StartDetached(std::function<void()> run);

}  // namespace probegate
