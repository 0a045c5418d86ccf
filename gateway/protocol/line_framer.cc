#include "gateway/protocol/line_framer.h"

#include <algorithm>
#include <cstring>

namespace probegate {
namespace {

// Most requests have about 60 bytes. After a long line the buffer shrinks back to this size, because most connections
// are idle most of the time.
constexpr size_t kUsualBytes = 4096;

}  // namespace

void LineFramer::Reserve(size_t size) {
  auto bigger = std::make_unique_for_overwrite<char[]>(size);
  if (end_ > begin_) std::memcpy(bigger.get(), buffer_.get() + begin_, end_ - begin_);
  buffer_ = std::move(bigger);
  capacity_ = size;
  end_ -= begin_;
  scanned_ -= begin_;
  begin_ = 0;
}

LineFramer::Space LineFramer::Prepare() {
  const size_t kept = end_ - begin_;
  if (kept == 0) begin_ = scanned_ = end_ = 0;
  if (NeedsAnother(kept)) {
    Shorten();
  } else if (end_ == capacity_) {
    if (begin_ > capacity_ / 2) {
      std::memmove(buffer_.get(), buffer_.get() + begin_, kept);
      end_ = kept;
      scanned_ -= begin_;
      begin_ = 0;
    } else {
      // Doubling keeps the copying linear; two bytes beyond the bound are enough to see that a line exceeds it.
      Reserve(std::max(kept + 1, std::min(capacity_ * 2, max_line_bytes_ + 2)));
    }
  }
  return {buffer_.get() + end_, capacity_ - end_};
}

// A buffer that is much larger than what is in it was for a long line, which has been taken.
bool LineFramer::NeedsAnother(size_t kept) const {
  return capacity_ == 0 || (capacity_ > kUsualBytes && kept < capacity_ / 4);
}

void LineFramer::Shorten() {
  const size_t kept = end_ - begin_;
  if (NeedsAnother(kept)) Reserve(std::max(kUsualBytes, 2 * kept));
}

size_t LineFramer::NextCapacity() const {
  const size_t kept = end_ - begin_;
  if (kept == 0 || NeedsAnother(kept)) return std::max(kUsualBytes, 2 * kept);
  if (end_ < capacity_ || begin_ > capacity_ / 2) return capacity_;
  return std::max(kept + 1, std::min(capacity_ * 2, max_line_bytes_ + 2));
}

void LineFramer::Commit(size_t size) { end_ += size; }

std::optional<std::string_view> LineFramer::Next() {
  if (too_long_ || scanned_ == end_) return std::nullopt;
  const char* const start = buffer_.get() + begin_;
  const void* const found = std::memchr(buffer_.get() + scanned_, '\n', end_ - scanned_);
  const size_t length = found != nullptr ? static_cast<size_t>(static_cast<const char*>(found) - start) : end_ - begin_;
  if (length > max_line_bytes_) {
    too_long_ = true;
    return std::nullopt;
  }
  if (found == nullptr) {
    scanned_ = end_;
    return std::nullopt;
  }
  begin_ += length + 1;
  scanned_ = begin_;
  return std::string_view(start, length);
}

std::optional<std::string_view> LineFramer::TakeRest() {
  if (too_long_ || begin_ == end_) return std::nullopt;
  const std::string_view rest(buffer_.get() + begin_, end_ - begin_);
  begin_ = scanned_ = end_;
  return rest;
}

}  // namespace probegate
