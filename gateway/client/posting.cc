#include "gateway/client/posting.h"

#include <utility>

namespace probegate {
namespace {

bool IsLock(const v1::StreamRequest& request) { return request.has_lock() || request.has_unlock(); }

bool ConnectsOrDisconnects(const v1::StreamRequest& request) {
  return request.has_connect() || request.has_disconnect() || request.has_close();
}

// Whether at least `requests` requests, or `bytes` bytes, were posted between `from` and `to`.
bool IsApart(const Posting::Mark& from, const Posting::Mark& to, uint64_t requests, uint64_t bytes) {
  return to.requests - from.requests >= requests || to.bytes - from.bytes >= bytes;
}

}  // namespace

bool Posting::Admits(const v1::StreamRequest& request) const {
  if (!enabled_) return false;
  if (request.has_lock()) return true;
  return request.has_unlock() ? locks_ > 0 : connected_;
}

Posting::Hold Posting::Post(v1::StreamRequest request, size_t bytes) {
  ++posted_.requests;
  posted_.bytes += bytes;
  held_bytes_ += bytes;
  if (!IsLock(request)) ++posted_.writes;
  if (request.has_lock()) ++locks_;
  if (request.has_unlock()) --locks_;
  *held_.add_posted() = std::move(request);
  if (held_bytes_ >= kHeldBytes) return Hold::kNo;
  if (locks_ > 0 || !std::exchange(lock_is_sent_, false)) return Hold::kYes;
  unlock_end_ = held_.posted_size();
  unlock_bytes_ = held_bytes_;
  return Hold::kBriefly;
}

v1::StreamRequest Posting::TakeHeld() {
  NoteSent();
  return std::exchange(held_, v1::StreamRequest());
}

v1::StreamRequest Posting::TakeUnlock() {
  v1::StreamRequest taken;
  auto& held = *held_.mutable_posted();
  for (int i = 0; i < unlock_end_; ++i) taken.add_posted()->Swap(&held[i]);
  held.DeleteSubrange(0, std::exchange(unlock_end_, 0));
  held_bytes_ -= std::exchange(unlock_bytes_, 0);
  return taken;
}

Posting::Mark Posting::TakeAlong(v1::StreamRequest& request) {
  if (ConnectsOrDisconnects(request)) {
    connected_ = false;
    last_change_ = request.request_id();
  }
  request.mutable_posted()->Swap(held_.mutable_posted());
  NoteSent();
  asked_ = posted_;
  return posted_;
}

void Posting::NoteSent() {
  held_bytes_ = 0;
  unlock_end_ = 0;
  unlock_bytes_ = 0;
  lock_is_sent_ = locks_ > 0;
}

void Posting::NoteAnswer(const v1::StreamResponse& response, const Mark& sent) {
  done_ = sent;
  if (response.has_connect() && response.request_id() == last_change_) connected_ = true;
  if (response.has_lock()) ++locks_;
  if (response.has_unlock() && locks_ > 0) --locks_;
  lock_is_sent_ = lock_is_sent_ || response.has_lock();
}

bool Posting::is_full() const { return IsApart(done_, posted_, kMaxRequests, kMaxBytes); }

bool Posting::wants_answer() const { return IsApart(asked_, posted_, kMaxRequests / 2, kMaxBytes / 2); }

}  // namespace probegate
