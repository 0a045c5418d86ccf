// Runs work on a thread of its own.
#pragma once

#include <future>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace probegate {

// Runs `work` on a thread of its own, and returns its result as a future, whose destructor waits for the thread, as
// that of std::async does. If the system cannot start another thread (for example, in a service with TasksMax), the
// result is what `refuse` returns for the reason, at once. std::async would throw instead, so that a program that asks
// fifty servers would end because of the fiftieth.
template <typename Work, typename Refuse>
std::future<std::invoke_result_t<Work&>> InBackground(Work work, const Refuse& refuse) {
  try {
    return std::async(std::launch::async, std::move(work));
  } catch (const std::system_error& error) {
    std::promise<std::invoke_result_t<Work&>> refused;
    refused.set_value(refuse(std::string("there is no thread for it: ") + error.what()));
    return refused.get_future();
  }
}

}  // namespace probegate
