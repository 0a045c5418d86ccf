// The probe's SWO capture, as CMSIS-DAP 2.1 defines it ("SWO Commands"): its settings, the buffer between the pin and
// the host, and its status.
//
// UART mode only. Bytes that arrive while the buffer is full are lost, and the status reports that once. The buffer is
// read either by DAP_SWO_Data (transport 1) or, if the probe has an endpoint for it, as a stream (transport 2).
//
// Threads: the chip's rule.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>

#include "sim/cmsis_dap/swo_receiver.h"
#include "sim/target/chip.h"

namespace probegate::sim {

class SwoCapture {
 public:
  static constexpr size_t kBufferBytes = 16 * 1024;
  static constexpr uint32_t kLowestBaud = 1'200;
  static constexpr uint32_t kHighestBaud = 16'000'000;

  enum class Transport : uint8_t { kNone, kData, kStream };  // as DAP_SWO_Transport numbers them
  enum class Mode : uint8_t { kOff, kUart, kManchester };

  // Trace status.
  static constexpr uint8_t kActive = 1u << 0;
  static constexpr uint8_t kStreamError = 1u << 6;
  static constexpr uint8_t kOverrun = 1u << 7;

  // Listens to `chip`'s SWO pin; `chip` must outlive it.
  explicit SwoCapture(Chip& chip);
  ~SwoCapture();
  SwoCapture(const SwoCapture&) = delete;
  SwoCapture& operator=(const SwoCapture&) = delete;

  // Whether the probe has an endpoint for the stream; transport 2 can be chosen only if it has.
  void OfferStream(bool offered) { stream_offered_ = offered; }
  bool offers_stream() const { return stream_offered_; }

  // False if the probe does not support it, or for the transport, if a capture is running.
  bool SetTransport(uint8_t transport);
  bool SetMode(uint8_t mode);
  // Returns the rate that is used: the one nearest to `baud` that the probe supports. A running capture continues at
  // it.
  uint32_t SetBaud(uint32_t baud);
  // Starting empties the buffer. False if no mode or no rate has been set.
  bool Start();
  void Stop();
  // As after power-up.
  void Reset();

  // Status bits; reading them clears the error bits.
  uint8_t TakeStatus();
  size_t waiting();
  // Bytes captured since Start.
  uint32_t index();

  // Moves the oldest bytes to `out`, as many as there are and fit, and returns their number; 0 unless the transport
  // that was chosen is the function's own.
  size_t ReadData(std::span<uint8_t> out) { return Read(Transport::kData, out); }
  size_t ReadStream(std::span<uint8_t> out) { return Read(Transport::kStream, out); }

 private:
  void Receive(uint8_t byte);
  // Receives everything that has arrived so far.
  void Settle();
  size_t Read(Transport transport, std::span<uint8_t> out);

  Chip& chip_;
  SwoReceiver receiver_;
  bool stream_offered_ = false;
  Transport transport_ = Transport::kNone;
  Mode mode_ = Mode::kOff;
  uint32_t baud_ = 0;
  bool active_ = false;
  uint8_t errors_ = 0;
  uint32_t index_ = 0;
  std::deque<uint8_t> buffer_;
};

}  // namespace probegate::sim
