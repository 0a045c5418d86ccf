#include "server/sharing/raw_trail.h"

#include <utility>

#include "probe/bits.h"

namespace probegate {
RawTrail::Sequence RawTrail::Flatten(absl::Span<const SwdSegment> segments) {
  BitString joined;
  for (const SwdSegment& segment : segments) joined.Append(segment.output, segment.cycles);
  return {joined.size(), joined.bytes(), {segments.begin(), segments.end()}};
}

adi::RawEffect RawTrail::EffectWith(const Sequence& next) const {
  BitString joined;
  for (const Sequence& sequence : sequences_) joined.Append(sequence.bits, sequence.bit_count);
  joined.Append(next.bits, next.bit_count);
  return adi::EffectOf(joined.bytes(), joined.size());
}

adi::RawEffect RawTrail::EffectWith(size_t bit_count, absl::Span<const uint8_t> bits) const {
  return EffectWith(Sequence{bit_count, {bits.begin(), bits.end()}, {}});
}

adi::RawEffect RawTrail::EffectWith(absl::Span<const SwdSegment> segments) const {
  return EffectWith(Flatten(segments));
}

void RawTrail::AddSwj(size_t bit_count, absl::Span<const uint8_t> bits, const adi::RawEffect& effect) {
  Add({bit_count, {bits.begin(), bits.end()}, {}}, effect);
}

void RawTrail::AddSwd(absl::Span<const SwdSegment> segments, const adi::RawEffect& effect) {
  Add(Flatten(segments), effect);
}

void RawTrail::Add(Sequence next, const adi::RawEffect& effect) {
  if (next.bit_count == 0) return;
  // A request to the DP that these sequences have led to must not be sent twice.
  if (effect.request) {
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
