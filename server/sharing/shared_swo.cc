#include "server/sharing/shared_swo.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "probe/error.h"

namespace probegate {
namespace {

// The limits of one poll, so that commands do not wait long.
constexpr unsigned kMostPackets = 4;
constexpr std::chrono::milliseconds kLongestPoll{20};

// A lost answer only costs the bytes in it. But if the probe keeps failing, each poll takes a time-out, so the capture
// ends after this many failures in a row.
constexpr unsigned kMostFailures = 3;

void Add(const Counter* counter, size_t count) {
  if (counter != nullptr && count > 0) counter->Add(static_cast<double>(count));
}

}  // namespace

std::string SharedSwo::Users(const SessionState& but) const {
  std::vector<std::string> users;
  for (const SessionState* other : subscribers_) {
    if (other != &but) users.push_back(other->who);
  }
  return absl::StrJoin(users, " and ");
}

absl::Status SharedSwo::CheckSupported() const {
  const ProbeInfo& info = probe_.info();
  if (info.features.swo) return absl::OkStatus();
  return MakeError(ErrorKind::kUnsupported, absl::StrCat("probe ", info.unique_id, " cannot capture SWO"));
}

absl::Status SharedSwo::Start(SessionState& session, uint32_t baud) {
  if (absl::Status status = CheckSupported(); !status.ok()) return status;
  if (const std::string users = Users(session); !users.empty()) {
    if (baud != baud_) {
      return MakeError(ErrorKind::kBusy,
                       absl::StrCat("cannot capture SWO at ", baud, " baud: probe ", probe_.info().unique_id,
                                    " captures it at ", baud_, " for ", users));
    }
    Remove(session);
  } else {
    Remove(session);
    if (absl::Status status = probe_.SwoStart(baud); !status.ok()) {
      (void)probe_.SwoStop();
      return status;
    }
    baud_ = baud;
    failures_ = 0;
  }
  session.swo.emplace();
  subscribers_.push_back(&session);
  return absl::OkStatus();
}

// True if it was the last.
bool SharedSwo::Remove(SessionState& session) {
  session.swo.reset();
  return std::erase(subscribers_, &session) > 0 && subscribers_.empty();
}

absl::Status SharedSwo::Stop(SessionState& session) { return Remove(session) ? probe_.SwoStop() : CheckSupported(); }

absl::StatusOr<SwoTaken> SharedSwo::Read(SessionState& session) {
  if (absl::Status status = CheckSupported(); !status.ok()) return status;
  if (!session.swo) return SwoTaken{};
  SwoSubscription& own = *session.swo;
  if (own.bytes.empty() && !own.ended.ok()) return own.ended;
  const std::deque<char> bytes = std::exchange(own.bytes, {});
  return SwoTaken{.bytes = {bytes.begin(), bytes.end()},
                  .lost = std::exchange(own.lost, false),
                  .garbled = std::exchange(own.garbled, false)};
}

absl::StatusOr<bool> SharedSwo::Poll() {
  bool more = active();
  const auto until = std::chrono::steady_clock::now() + kLongestPoll;
  for (unsigned i = 0; i < kMostPackets && more && (i == 0 || std::chrono::steady_clock::now() < until); ++i) {
    const absl::StatusOr<SwoData> data = probe_.SwoRead();
    if (!data.ok()) {
      if (absl::Status gone = Failed(data.status()); !gone.ok()) return gone;
      return false;
    }
    failures_ = 0;
    Deliver(*data);
    more = data->more;
  }
  return more;
}

void SharedSwo::Deliver(const SwoData& data) {
  Add(counters_.bytes, data.bytes.size());
  Add(counters_.overruns, data.overrun ? 1 : 0);
  Add(counters_.garbled, data.garbled ? 1 : 0);
  for (SessionState* subscriber : subscribers_) {
    SwoSubscription& own = *subscriber->swo;
    own.lost |= data.overrun;
    own.garbled |= data.garbled;
    own.bytes.insert(own.bytes.end(), data.bytes.begin(), data.bytes.end());
    if (own.bytes.size() <= kSwoBufferBytes) continue;
    const size_t excess = own.bytes.size() - kSwoBufferBytes;
    own.bytes.erase(own.bytes.begin(), own.bytes.begin() + static_cast<ptrdiff_t>(excess));
    own.lost = true;
    Add(counters_.dropped, excess);
  }
}

absl::Status SharedSwo::Failed(const absl::Status& why) {
  if (IsError(why, ErrorKind::kProbeDisconnected)) return why;
  Add(counters_.no_answer, 1);
  const bool over = ++failures_ == kMostFailures;
  for (SessionState* subscriber : subscribers_) {
    subscriber->swo->lost = true;
    if (over) subscriber->swo->ended = why;
  }
  if (!over) return absl::OkStatus();
  subscribers_.clear();
  (void)probe_.SwoStop();
  return absl::OkStatus();
}

}  // namespace probegate
