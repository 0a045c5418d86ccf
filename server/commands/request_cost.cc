#include "server/commands/request_cost.h"

#include <cstdint>

namespace probegate {
namespace {

// Roughly how much memory a queued command takes in addition to its request. A posted request may be only a few bytes
// long.
constexpr size_t kQueuedBytes = 1024;

// The size in bytes of the answer to `request`; 0 if that is only a few bytes.
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
