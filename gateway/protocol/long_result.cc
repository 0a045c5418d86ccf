#include "gateway/protocol/long_result.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "gateway/json/json_writer.h"

namespace probegate {
namespace {

// One of the two is empty.
struct Numbers {
  std::span<const uint32_t> words;
  std::string_view bytes;

  size_t size() const { return words.size() + bytes.size(); }
};

Numbers WordsOf(const google::protobuf::RepeatedField<uint32_t>& words) {
  return {.words = {words.data(), static_cast<size_t>(words.size())}, .bytes = {}};
}

Numbers NumbersOf(const v1::StreamResponse& response) {
  switch (response.response_case()) {
    case v1::StreamResponse::kReadApMultiple:
      return WordsOf(response.read_ap_multiple().values());
    case v1::StreamResponse::kReadBlock32:
      return WordsOf(response.read_block32().values());
    case v1::StreamResponse::kReadBlock8:
      return {.words = {}, .bytes = response.read_block8().data()};
    case v1::StreamResponse::kSwoRead:
      return {.words = {}, .bytes = response.swo_read().data()};
    default:
      return {};
  }
}

}  // namespace

bool LongResult::IsLong(const v1::StreamResponse& response) { return NumbersOf(response).size() > kPart; }

bool LongResult::AppendPart(std::string& out) {
  const Numbers numbers = NumbersOf(response_);
  const size_t count = std::min(kPart, numbers.size() - written_);
  out += written_ == 0 ? "[" : ", ";
  if (numbers.bytes.empty()) {
    AppendWordElements(out, numbers.words.subspan(written_, count));
  } else {
    AppendByteElements(out, numbers.bytes.substr(written_, count));
  }
  written_ += count;
  if (written_ < numbers.size()) return false;
  out += ']';
  return true;
}

}  // namespace probegate
