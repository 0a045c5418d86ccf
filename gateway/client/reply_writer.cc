#include "gateway/client/reply_writer.h"

#include <utility>

#include "asio/buffer.hpp"

namespace probegate {
namespace {

// How much memory a string may keep while it is empty. A bound, because connections are idle most of the time.
constexpr size_t kIdleBytes = size_t{8} << 10;

void ClearAndShrink(std::string& text) {
  text.clear();
  if (text.capacity() > kIdleBytes) text.shrink_to_fit();
}

}  // namespace

ReplyWriter::Result ReplyWriter::Write() {
  while (UnsentBytes() > 0) {
    if (writing_.empty()) std::swap(writing_, out_);
    asio::error_code error;
    written_ += socket_.write_some(asio::buffer(writing_.data() + written_, writing_.size() - written_), error);
    if (error == asio::error::would_block) return Result::kFull;
    if (error) return Result::kFailed;
    if (written_ == writing_.size()) {
      ClearAndShrink(writing_);
      written_ = 0;
    }
  }
  return Result::kAllSent;
}

}  // namespace probegate
