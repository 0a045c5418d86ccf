// Work on a thread of its own.
#pragma once

#include <future>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace probegate {

// What `work` returns, which runs on a thread of its own; the future's destructor waits for it, as std::async's does.
// Where the system gives no thread more, as a service with TasksMax may find, the result is what `refuse` makes of the
// reason, at once: std::async would throw, and who asks fifty servers would end because of the fiftieth.
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
