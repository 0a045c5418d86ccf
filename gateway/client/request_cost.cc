#include "gateway/client/request_cost.h"

#include <algorithm>

#include "base/request_limits.h"
#include "gateway/protocol/long_result.h"

namespace probegate {
namespace {

// Objects, and the text of a short reply.
constexpr uint64_t kSmall = 512;

// A segment is an object with a string in the request, and may be one in the response.
constexpr uint64_t kSegment = 200;

// What a server keeps of SWO for a session (docs/sharing.md).
constexpr uint64_t kMaxSwoBytes = uint64_t{1} << 20;

// Numbers of `size` bytes take that much in the message, and as much in gRPC's buffers.
uint64_t InMessage(uint64_t count, uint64_t size) { return 2 * count * size; }

// Only a part of a long list is text at any time.
uint64_t InReply(uint64_t count, uint64_t size) {
  return InMessage(count, size) + std::min(count * 12, uint64_t{LongResult::kPartBytes} * 2);
}

// What lists of numbers take in the request's message and in the response.
uint64_t NumbersCost(const v1::StreamRequest& request) {
  switch (request.request_case()) {
    case v1::StreamRequest::kWriteApMultiple:
      return InMessage(static_cast<uint64_t>(request.write_ap_multiple().values_size()), 4);
    case v1::StreamRequest::kWriteBlock32:
      return InMessage(static_cast<uint64_t>(request.write_block32().values_size()), 4);
    case v1::StreamRequest::kWriteBlock8:
      return InMessage(request.write_block8().data().size(), 1);
    case v1::StreamRequest::kReadApMultiple:
      return InReply(request.read_ap_multiple().count(), 4);
    case v1::StreamRequest::kReadBlock32:
      return InReply(request.read_block32().word_count(), 4);
    case v1::StreamRequest::kReadBlock8:
      return InReply(request.read_block8().byte_count(), 1);
    case v1::StreamRequest::kSwoRead:
      return InReply(kMaxSwoBytes, 1);
    case v1::StreamRequest::kSwdSequence:
      return kSegment * static_cast<uint64_t>(request.swd_sequence().segments_size());
    case v1::StreamRequest::kJtagSequence:
      // Twice as bytes, and once as decimal digits.
      return request.jtag_sequence().read_tdo() ? uint64_t{request.jtag_sequence().cycles()} * 7 / 10 : 0;
    default:
      return 0;
  }
}

}  // namespace

// The line's ID is held twice: by itself and in its reply. Numbers take at least two characters each.
uint64_t RequestCost(size_t line_bytes, const v1::StreamRequest* request) {
  return kSmall + uint64_t{line_bytes} * 2 + (request == nullptr ? 0 : NumbersCost(*request));
}

// A word in a list has at least two characters, and takes twice its four bytes.
uint64_t PostedCost(uint64_t requests, uint64_t line_bytes) { return requests * kSmall + line_bytes * 4; }

uint64_t LongestLineCost(size_t max_line_bytes) {
  const uint64_t most_words = std::min<uint64_t>(max_line_bytes / 2, kMaxBlockWords);
  const uint64_t most_segments = std::min<uint64_t>(max_line_bytes / 4, kMaxSequenceBits);
  const uint64_t ids = kSmall + uint64_t{max_line_bytes} * 2;
  // Each word takes two characters of the line, which can then not belong to an ID.
  return ids + std::max(most_words * 4, most_segments * kSegment);
}

}  // namespace probegate
