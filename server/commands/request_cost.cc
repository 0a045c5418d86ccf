#include "server/commands/request_cost.h"

#include <cstdint>

namespace probegate {
namespace {

// What a command that is queued takes besides its request, about: a posted one may be a few bytes of its stream.
constexpr size_t kQueuedBytes = 1024;

// Bytes that the answer to `request` will hold, as far as that is more than a few.
size_t AnswerBytes(const v1::StreamRequest& request) {
  switch (request.request_case()) {
    case v1::StreamRequest::kReadApMultiple:
      return size_t{request.read_ap_multiple().count()} * sizeof(uint32_t);
    case v1::StreamRequest::kReadBlock32:
      return size_t{request.read_block32().word_count()} * sizeof(uint32_t);
    case v1::StreamRequest::kReadBlock8:
      return request.read_block8().byte_count();
    default:
      return 0;
  }
}

}  // namespace

size_t RequestCost(const v1::StreamRequest& request) {
  return request.ByteSizeLong() + AnswerBytes(request) + static_cast<size_t>(request.posted_size()) * kQueuedBytes;
}

}  // namespace probegate
