#include "gateway/json/big_integer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

namespace probegate {
namespace {

// A 32-bit word holds at most nine arbitrary decimal digits.
constexpr size_t kChunkDigits = 9;
constexpr uint32_t kChunkBase = 1'000'000'000;

// Clears the bits above the number's highest bit.
void MaskTop(std::string& bytes, size_t bit_count) {
  if (bit_count % 8 != 0) bytes.back() = static_cast<char>(bytes.back() & ((1 << bit_count % 8) - 1));
}

}  // namespace

std::string DecimalToBits(std::string_view digits, size_t bit_count) {
  const size_t word_count = (bit_count + 31) / 32;
  std::vector<uint32_t> words;
  words.reserve(word_count);
  while (!digits.empty()) {
    // The first chunk may be shorter, so that all others have kChunkDigits digits.
    const size_t length = digits.size() % kChunkDigits == 0 ? kChunkDigits : digits.size() % kChunkDigits;
    uint32_t carry = 0;
    std::from_chars(digits.data(), digits.data() + length, carry);
    digits.remove_prefix(length);
    for (uint32_t& word : words) {
      const uint64_t product = static_cast<uint64_t>(word) * kChunkBase + carry;
      word = static_cast<uint32_t>(product);
      carry = static_cast<uint32_t>(product >> 32);
    }
    if (carry != 0 && words.size() < word_count) words.push_back(carry);
  }
  std::string bytes((bit_count + 7) / 8, '\0');
  for (size_t i = 0; i < bytes.size() && i / 4 < words.size(); ++i) {
    bytes[i] = static_cast<char>(words[i / 4] >> 8 * (i % 4) & 0xFF);
  }
  MaskTop(bytes, bit_count);
  return bytes;
}

void AppendBitsAsDecimal(std::string& out, std::string_view bits, size_t bit_count) {
  std::string bytes(bits.substr(0, (bit_count + 7) / 8));
  if (bytes.size() == (bit_count + 7) / 8 && !bytes.empty()) MaskTop(bytes, bit_count);
  std::vector<uint32_t> words((bytes.size() + 3) / 4, 0);
  for (size_t i = 0; i < bytes.size(); ++i)
    words[i / 4] |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])) << 8 * (i % 4);

  std::vector<uint32_t> chunks;
  while (!words.empty()) {
    uint64_t remainder = 0;
    for (size_t i = words.size(); i-- > 0;) {
      const uint64_t dividend = remainder << 32 | words[i];
      words[i] = static_cast<uint32_t>(dividend / kChunkBase);
      remainder = dividend % kChunkBase;
    }
    chunks.push_back(static_cast<uint32_t>(remainder));
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
