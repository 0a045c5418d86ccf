#include "sim/cmsis_dap/swo_capture.h"

#include <algorithm>

namespace probegate::sim {

SwoCapture::SwoCapture(Chip& chip)
    : chip_(chip),
      receiver_(chip.clock().hz(), [this](uint8_t byte) { Receive(byte); }, [this] { errors_ |= kStreamError; }) {
  chip_.trace_port().OnSwo([this](const SwoFrame& frame) {
    if (active_) receiver_.OnFrame(frame);
  });
}

SwoCapture::~SwoCapture() { chip_.trace_port().OnSwo(nullptr); }

bool SwoCapture::SetTransport(uint8_t transport) {
  if (active_ || transport > static_cast<uint8_t>(Transport::kStream)) return false;
  const auto wanted = static_cast<Transport>(transport);
  if (wanted == Transport::kStream && !stream_offered_) return false;
  transport_ = wanted;
  return true;
}

// A running capture ends even if the mode is refused.
bool SwoCapture::SetMode(uint8_t mode) {
  Stop();
  const bool known = mode <= static_cast<uint8_t>(Mode::kUart);
  mode_ = known ? static_cast<Mode>(mode) : Mode::kOff;
  errors_ = 0;
  return known;
}

uint32_t SwoCapture::SetBaud(uint32_t baud) {
  Settle();
  baud_ = std::clamp(baud, kLowestBaud, kHighestBaud);
  if (active_) receiver_.Start(baud_, chip_.clock().now());
  return baud_;
}

bool SwoCapture::Start() {
  if (active_) return true;
  if (mode_ == Mode::kOff || baud_ == 0) return false;
  buffer_.clear();
  errors_ = 0;
  index_ = 0;
  active_ = true;
  receiver_.Start(baud_, chip_.clock().now());
  return true;
}

void SwoCapture::Stop() {
  Settle();
  active_ = false;
}

void SwoCapture::Reset() {
  active_ = false;
  transport_ = Transport::kNone;
  mode_ = Mode::kOff;
  baud_ = 0;
  errors_ = 0;
  index_ = 0;
  buffer_.clear();
}

uint8_t SwoCapture::TakeStatus() {
  Settle();
  return static_cast<uint8_t>((active_ ? kActive : 0) | std::exchange(errors_, uint8_t{0}));
}

size_t SwoCapture::waiting() {
  Settle();
  return buffer_.size();
}

uint32_t SwoCapture::index() {
  Settle();
  return index_;
}

void SwoCapture::Receive(uint8_t byte) {
  if (buffer_.size() == kBufferBytes) {
    errors_ |= kOverrun;
    return;
  }
  buffer_.push_back(byte);
  ++index_;
}

void SwoCapture::Settle() {
  if (active_) receiver_.AdvanceTo(chip_.clock().now());
}

size_t SwoCapture::Read(Transport transport, std::span<uint8_t> out) {
  Settle();
  if (transport != transport_) return 0;
  const size_t count = std::min(out.size(), buffer_.size());
  std::copy_n(buffer_.begin(), count, out.begin());
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(count));
  return count;
}

}  // namespace probegate::sim
