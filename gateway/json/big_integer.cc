#include "gateway/json/big_integer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

namespace probegate {
namespace {

__extension__ using Wide = unsigned __int128;

// A 64-bit word holds at most 19 arbitrary decimal digits.
constexpr size_t kChunkDigits = 19;
constexpr uint64_t kChunkBase = 10'000'000'000'000'000'000U;

// The quotient of a two-word number and kChunkBase, if it fits into a word, and the remainder. Multiplies instead of
// dividing, which is several times as fast: Möller and Granlund, "Improved Division by Invariant Integers", algorithm
// 4. The divisor's highest bit must be set.
static_assert(kChunkBase >> 63 == 1);
constexpr auto kReciprocal = static_cast<uint64_t>(~Wide{0} / kChunkBase - (Wide{1} << 64));

struct Division {
  uint64_t quotient;
  uint64_t remainder;
};

Division DivideByBase(uint64_t high, uint64_t low) {
  const Wide product = Wide{kReciprocal} * high + (Wide{high} << 64 | low);
  uint64_t quotient = static_cast<uint64_t>(product >> 64) + 1;
  uint64_t remainder = low - quotient * kChunkBase;
  // Without a branch, which would be mispredicted half of the time.
  const uint64_t too_large = remainder > static_cast<uint64_t>(product) ? ~uint64_t{0} : 0;
  quotient += too_large;
  remainder += too_large & kChunkBase;
  if (remainder >= kChunkBase) {
    ++quotient;
    remainder -= kChunkBase;
  }
  return {.quotient = quotient, .remainder = remainder};
}

// Clears the bits above the number's highest bit.
void MaskTop(std::string& bytes, size_t bit_count) {
  if (bit_count % 8 != 0) bytes.back() = static_cast<char>(bytes.back() & ((1 << bit_count % 8) - 1));
}

}  // namespace

std::string DecimalToBits(std::string_view digits, size_t bit_count) {
  const size_t word_count = (bit_count + 63) / 64;
  std::vector<uint64_t> words;
  words.reserve(word_count);
  while (!digits.empty()) {
    // The first chunk may be shorter, so that all others have kChunkDigits digits.
    const size_t length = digits.size() % kChunkDigits == 0 ? kChunkDigits : digits.size() % kChunkDigits;
    uint64_t carry = 0;
    std::from_chars(digits.data(), digits.data() + length, carry);
    digits.remove_prefix(length);
    for (uint64_t& word : words) {
      const Wide product = Wide{word} * kChunkBase + carry;
      word = static_cast<uint64_t>(product);
      carry = static_cast<uint64_t>(product >> 64);
    }
    if (carry != 0 && words.size() < word_count) words.push_back(carry);
  }
  std::string bytes((bit_count + 7) / 8, '\0');
  for (size_t i = 0; i < bytes.size() && i / 8 < words.size(); ++i) {
    bytes[i] = static_cast<char>(words[i / 8] >> 8 * (i % 8) & 0xFF);
  }
  MaskTop(bytes, bit_count);
  return bytes;
}

void AppendBitsAsDecimal(std::string& out, std::string_view bits, size_t bit_count) {
  std::string bytes(bits.substr(0, (bit_count + 7) / 8));
  if (bytes.size() == (bit_count + 7) / 8 && !bytes.empty()) MaskTop(bytes, bit_count);
  std::vector<uint64_t> words((bytes.size() + 7) / 8, 0);
  for (size_t i = 0; i < bytes.size(); ++i)
    words[i / 8] |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << 8 * (i % 8);

  std::vector<uint64_t> chunks;
  while (!words.empty()) {
    uint64_t remainder = 0;
    for (size_t i = words.size(); i-- > 0;) {
      const Division division = DivideByBase(remainder, words[i]);
      words[i] = division.quotient;
      remainder = division.remainder;
    }
    chunks.push_back(remainder);
    while (!words.empty() && words.back() == 0) words.pop_back();
  }
  if (chunks.empty()) chunks.push_back(0);
  for (size_t i = chunks.size(); i-- > 0;) {
    std::array<char, kChunkDigits> text;
    const auto length =
        static_cast<size_t>(std::to_chars(text.data(), text.data() + text.size(), chunks[i]).ptr - text.data());
    if (i + 1 != chunks.size()) out.append(kChunkDigits - length, '0');
    out.append(text.data(), length);
  }
}

}  // namespace probegate
