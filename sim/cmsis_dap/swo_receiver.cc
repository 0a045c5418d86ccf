#include "sim/cmsis_dap/swo_receiver.h"

#include <algorithm>

namespace probegate::sim {
namespace {

constexpr uint64_t kNone = UINT64_MAX;
constexpr unsigned kDataBits = 8;
constexpr unsigned kStopBit = kDataBits + 1;

uint64_t EndOf(const SwoFrame& frame) { return frame.start + SwoFrame::kBits * frame.bit_cycles; }

bool BitOf(const SwoFrame& frame, uint64_t number) {
  if (number == 0 || number > kDataBits) return number != 0;
  return (frame.byte >> (number - 1) & 1) != 0;
}

}  // namespace

SwoReceiver::SwoReceiver(uint32_t clock_hz, std::function<void(uint8_t)> received, std::function<void()> framing_error)
    : clock_hz_(clock_hz), received_(std::move(received)), framing_error_(std::move(framing_error)) {}

void SwoReceiver::Start(uint32_t baud, uint64_t cycle) {
  baud_ = baud;
  looked_ = cycle;
  frames_.clear();
}

void SwoReceiver::OnFrame(const SwoFrame& frame) {
  AdvanceTo(frame.start);
  frames_.push_back(frame);
}

const SwoFrame* SwoReceiver::FrameAt(uint64_t cycle) const {
  const auto after = std::ranges::upper_bound(frames_, cycle, {}, &SwoFrame::start);
  if (after == frames_.begin() || EndOf(*std::prev(after)) <= cycle) return nullptr;
  return &*std::prev(after);
}

bool SwoReceiver::LevelAt(uint64_t cycle) const {
  const SwoFrame* frame = FrameAt(cycle);
  return frame == nullptr || BitOf(*frame, (cycle - frame->start) / frame->bit_cycles);
}

// A frame ends high, so any low level ends within its frame.
uint64_t SwoReceiver::FindHigh(uint64_t cycle) const {
  while (!LevelAt(cycle)) {
    const SwoFrame* frame = FrameAt(cycle);
    cycle = frame->start + ((cycle - frame->start) / frame->bit_cycles + 1) * frame->bit_cycles;
  }
  return cycle;
}

uint64_t SwoReceiver::FindLow(uint64_t cycle) const {
  auto frame = std::ranges::partition_point(frames_, [cycle](const SwoFrame& f) { return EndOf(f) <= cycle; });
  for (; frame != frames_.end(); ++frame) {
    cycle = std::max(cycle, frame->start);
    for (uint64_t bit = (cycle - frame->start) / frame->bit_cycles; bit < SwoFrame::kBits; ++bit) {
      if (!BitOf(*frame, bit)) return std::max(cycle, frame->start + bit * frame->bit_cycles);
    }
  }
  return kNone;
}

void SwoReceiver::AdvanceTo(uint64_t cycle) {
  for (;;) {
    const uint64_t high = looked_ == 0 ? 0 : FindHigh(looked_ - 1);  // an edge follows a high level
    const uint64_t edge = high < cycle ? FindLow(high) : kNone;
    if (edge == kNone || edge >= cycle) {
      looked_ = std::max(looked_, std::min(high, cycle));
      break;
    }
    if (edge + HalfBits(2 * kStopBit + 1) > cycle) break;  // the end is not known yet
    if (LevelAt(edge + HalfBits(1))) {
      looked_ = edge + HalfBits(1);  // too short for a start bit
      continue;
    }
    uint8_t byte = 0;
    for (unsigned bit = 0; bit < kDataBits; ++bit) {
      byte = static_cast<uint8_t>(byte | LevelAt(edge + HalfBits(2 * bit + 3)) << bit);
    }
    looked_ = edge + HalfBits(2 * kStopBit + 1);
    if (LevelAt(looked_)) {
      received_(byte);
    } else {
      framing_error_();
    }
  }
  while (!frames_.empty() && EndOf(frames_.front()) <= looked_) frames_.pop_front();
}

}  // namespace probegate::sim
