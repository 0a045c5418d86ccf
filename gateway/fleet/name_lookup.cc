#include "gateway/fleet/name_lookup.h"

#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "asio/post.hpp"
#include "base/mutex.h"

namespace probegate {

// What a look-up's thread may use of the NameLookup that started it.
struct NameLookup::Shared {
  // Null after Stop. To be called on the strand: Stop also runs there, so the owner exists until the caller returns.
  NameLookup* Owner() {
    const MutexLock lock(mutex);
    return owner;
  }

  Mutex mutex;
  // Both are empty after Stop, because then the strand's context may have been destroyed as well.
  NameLookup* owner ABSL_GUARDED_BY(mutex) = nullptr;
  std::optional<Strand> strand ABSL_GUARDED_BY(mutex);
};

NameLookup::NameLookup(const Strand& strand, Endpoint server, std::chrono::milliseconds interval, LookUp look_up,
                       OnResult on_result)
    : server_(std::move(server)),
      interval_(interval),
      look_up_(std::move(look_up)),
      on_result_(std::move(on_result)),
      shared_(std::make_shared<Shared>()),
      timer_(strand) {
  const MutexLock lock(shared_->mutex);
  shared_->owner = this;
  shared_->strand = strand;
}

void NameLookup::Start() {
  try {
    std::thread([shared = shared_, look_up = look_up_, server = server_] {
      auto addresses = look_up(server);
      const MutexLock lock(shared->mutex);
      if (!shared->strand) return;
      asio::post(*shared->strand, [shared, addresses = std::move(addresses)]() mutable {
        if (NameLookup* const owner = shared->Owner()) owner->TakeResult(std::move(addresses));
      });
    }).detach();
  } catch (const std::system_error& error) {
    // The thread could not be started. Report that as the result, and try again after the interval.
    asio::post(timer_.get_executor(), [shared = shared_, why = std::string(error.what())] {
      if (NameLookup* const owner = shared->Owner()) owner->TakeResult(absl::UnavailableError(why));
    });
  }
}

void NameLookup::TakeResult(absl::StatusOr<std::vector<std::string>> addresses) {
  timer_.expires_after(interval_);
  timer_.async_wait([shared = shared_](asio::error_code error) {
    NameLookup* const owner = shared->Owner();
    if (!error && owner != nullptr) owner->Start();
  });
  on_result_(std::move(addresses));
}

void NameLookup::Stop() {
  timer_.cancel();
  const MutexLock lock(shared_->mutex);
  shared_->owner = nullptr;
  shared_->strand.reset();
}

}  // namespace probegate
