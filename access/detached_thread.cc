#include "access/detached_thread.h"

#include <system_error>
#include <thread>
#include <utility>

#include "access/signals_blocked.h"

namespace probegate {

bool StartDetached(std::function<void()> run) {
  const SignalsBlocked blocked;
  try {
    std::thread(std::move(run)).detach();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace probegate
