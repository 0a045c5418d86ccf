#include "server/sharing/raw_trail.h"

#include <utility>

namespace probegate {
namespace {

// Bits one after another, in whole bytes only at the end.
class BitJoiner {
 public:
  void Append(size_t count, absl::Span<const uint8_t> bits) {
    for (size_t i = 0; i < count; ++i, ++size_) {
      if (size_ % 8 == 0) bytes_.push_back(0);
      const bool bit = i / 8 < bits.size() && ((bits[i / 8] >> (i % 8)) & 1) != 0;
      if (bit) bytes_.back() = static_cast<uint8_t>(bytes_.back() | (1u << (size_ % 8)));
    }
  }
  size_t size() const { return size_; }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
  size_t size_ = 0;
};

}  // namespace

RawTrail::Sequence RawTrail::Flatten(absl::Span<const SwdSegment> segments) {
  BitJoiner joined;
  for (const SwdSegment& segment : segments) joined.Append(segment.cycles, segment.output);
  return {joined.size(), joined.bytes(), {segments.begin(), segments.end()}};
}

adi::RawEffect RawTrail::EffectWith(const Sequence& next) const {
  BitJoiner joined;
  for (const Sequence& sequence : sequences_) joined.Append(sequence.bit_count, sequence.bits);
  joined.Append(next.bit_count, next.bits);
  return adi::EffectOf(joined.bytes(), joined.size());
}

adi::RawEffect RawTrail::EffectWith(size_t bit_count, absl::Span<const uint8_t> bits) const {
  return EffectWith(Sequence{bit_count, {bits.begin(), bits.end()}, {}});
}

adi::RawEffect RawTrail::EffectWith(absl::Span<const SwdSegment> segments) const {
  return EffectWith(Flatten(segments));
}

void RawTrail::AddSwj(size_t bit_count, absl::Span<const uint8_t> bits, bool jtag) {
  if (jtag) {
    tap_.Add(bit_count, bits);
  } else {
    Add({bit_count, {bits.begin(), bits.end()}, {}});
  }
}

void RawTrail::AddSwd(absl::Span<const SwdSegment> segments) { Add(Flatten(segments)); }

void RawTrail::Add(Sequence next) {
  if (next.bit_count == 0) return;
  // A request to the DP that these sequences have led to must not be sent twice.
  if (EffectWith(next).request) {
    talks_to_dp_ = true;
    return;
  }
  if (adi::EffectOf(next.bits, next.bit_count).line_reset) talks_to_dp_ = false;
  bit_count_ += next.bit_count;
  sequences_.push_back(std::move(next));
  while (bit_count_ > kMaxBits) {
    bit_count_ -= sequences_.front().bit_count;
    sequences_.erase(sequences_.begin());
  }
}

void RawTrail::Clear() {
  sequences_.clear();
  bit_count_ = 0;
  talks_to_dp_ = false;
  tap_.Clear();
}

absl::Status RawTrail::Replay(Probe& probe) const {
  for (const Sequence& sequence : sequences_) {
    const absl::Status sent = sequence.segments.empty() ? probe.SwjSequence(sequence.bit_count, sequence.bits)
                                                        : probe.SwdSequence(sequence.segments).status();
    if (!sent.ok()) return sent;
  }
  return tap_.Replay(probe);
}

}  // namespace probegate
