#include "server/commands/request_cost.h"

#include <algorithm>
#include <cstdint>

#include "base/request_limits.h"

namespace probegate {
namespace {

// Roughly how much memory a queued command takes in addition to its request. A posted request may be only a few bytes
// long.
constexpr size_t kQueuedBytes = 1024;

// The most that SwoRead returns: what the server keeps for a session.
constexpr size_t kSwoBytes = size_t{1} << 20;

// The memory of one captured segment of an SWD sequence.
constexpr size_t kCapturedBytes = 64;

// The size in bytes of the answer to `request`; 0 if that is only a few bytes.
size_t AnswerBytes(const v1::StreamRequest& request) {
  switch (request.request_case()) {
    case v1::StreamRequest::kReadApMultiple:
      return std::min(size_t{request.read_ap_multiple().count()} * sizeof(uint32_t), kMaxBlockBytes);
    case v1::StreamRequest::kReadBlock32:
      return std::min(size_t{request.read_block32().word_count()} * sizeof(uint32_t), kMaxBlockBytes);
    case v1::StreamRequest::kReadBlock8:
      return std::min(size_t{request.read_block8().byte_count()}, kMaxBlockBytes);
    default:
      return 0;
  }
}

// The memory of the answer to `request`, beyond a few bytes.
size_t AnswerMemory(const v1::StreamRequest& request) {
  switch (request.request_case()) {
    case v1::StreamRequest::kSwdSequence:
      return std::min(static_cast<size_t>(request.swd_sequence().segments_size()), kMaxSequenceBits) * kCapturedBytes;
    case v1::StreamRequest::kSwoRead:
      return kSwoBytes;
    default:
      return 2 * AnswerBytes(request);
  }
}

}  // namespace

size_t RequestCost(const v1::StreamRequest& request, size_t wire_bytes) {
  return wire_bytes + AnswerBytes(request) + static_cast<size_t>(request.posted_size()) * kQueuedBytes;
}

size_t RequestCost(const v1::StreamRequest& request) { return RequestCost(request, request.ByteSizeLong()); }

size_t RequestMemory(const v1::StreamRequest& request, size_t wire_bytes, size_t parsed_bytes) {
  return parsed_bytes + wire_bytes + AnswerMemory(request) +
         (static_cast<size_t>(request.posted_size()) + 1) * kQueuedBytes;
}

size_t UnaryRoom(v1::StreamRequest::RequestCase command) {
  constexpr size_t kMessage = kMaxMessageBytes;
  switch (command) {
    case v1::StreamRequest::kWriteApMultiple:
    case v1::StreamRequest::kWriteBlock32:
      return 3 * kMessage;  // a repeated field has as much room to spare as it is long
    case v1::StreamRequest::kWriteBlock8:
      return 2 * kMessage + (size_t{1} << 20);
    case v1::StreamRequest::kSwdSequence:
    case v1::StreamRequest::kJtagSequence:
    case v1::StreamRequest::kSwjSequence:
      return kMessage;
    default:
      return 0;
  }
}

}  // namespace probegate
