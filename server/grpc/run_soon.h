// Runs a function on one of gRPC's threads.
#pragma once

#include <functional>

namespace probegate {

// Returns at once; `what` is called without a lock held. For callbacks that come on a thread that should not do the
// work, or with locks held, such as those of Quota::WhenRoom.
void RunSoon(std::function<void()> what);

}  // namespace probegate
