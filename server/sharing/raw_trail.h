// What a session has driven onto the wire with raw sequences since a transfer of its own last succeeded.
//
// A client leads the wire to a DP in several requests: a line reset, JTAG-to-SWD, idle clocks, TARGETSEL; or a scan of
// a JTAG chain stretch by stretch. If another session uses the wire between two of them, the first one's bits are lost.
// So each session's raw bits are remembered, and driven again before the session goes on (DpLink). Nothing may take
// effect twice, so not all bits are remembered: over SWD, only those that lead to a DP, and no other request to it;
// over JTAG, the last IR scan and the scan that is in progress, but no DR scan that was completed.
//
// Bounded: of more than kMaxBits, the oldest sequences are dropped. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "probe/adi/link.h"
#include "probe/probe.h"
#include "server/sharing/tap_trail.h"

namespace probegate {

class RawTrail {
 public:
  static constexpr size_t kMaxBits = 8192;

  // The session is about to drive these, as the methods of Probe. The first two are for a probe that is connected for
  // SWD, and `effect` is what EffectWith returns for the sequence; the others are for JTAG.
  void AddSwj(size_t bit_count, absl::Span<const uint8_t> bits, const adi::RawEffect& effect);
  void AddSwd(absl::Span<const SwdSegment> segments, const adi::RawEffect& effect);
  void AddTms(size_t bit_count, absl::Span<const uint8_t> bits) { tap_.Add(bit_count, bits); }
  void AddJtag(const JtagStretch& stretch) { tap_.Add(stretch); }

  // A transfer of the session's has succeeded: the way to it no longer matters.
  void Clear();
  bool empty() const { return sequences_.empty() && tap_.empty(); }
  // The session has gone on to talk to the DP with raw requests, so what it needs is a DP that answers.
  bool talks_to_dp() const { return talks_to_dp_; }

  // What all remembered sequences, followed by this one, do to the selection of a DP.
  adi::RawEffect EffectWith(size_t bit_count, absl::Span<const uint8_t> bits) const;
  adi::RawEffect EffectWith(absl::Span<const SwdSegment> segments) const;

  // Drives them again. kUnsupported if a JTAG scan was too long to be remembered.
  absl::Status Replay(Probe& probe) const;

 private:
  // One SWJ sequence or, if there are segments, one SWD sequence, whose captured cycles are zeros in `bits`.
  struct Sequence {
    size_t bit_count = 0;
    std::vector<uint8_t> bits;
    std::vector<SwdSegment> segments;
  };

  static Sequence Flatten(absl::Span<const SwdSegment> segments);
  adi::RawEffect EffectWith(const Sequence& next) const;
  void Add(Sequence next, const adi::RawEffect& effect);

  std::vector<Sequence> sequences_;
  size_t bit_count_ = 0;  // of all sequences
  bool talks_to_dp_ = false;
  TapTrail tap_;
};

}  // namespace probegate
