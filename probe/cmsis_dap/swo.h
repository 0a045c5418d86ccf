// SWO capture by a CMSIS-DAP device, for a driver.
//
// UART mode. Bytes arrive on the device's SWO endpoint if the transport can reach one and the device reports that it
// can stream; otherwise in replies to DAP_SWO_Data. Either way a read takes one packet: the endpoint carries nothing
// but bytes, so DAP_SWO_Status is needed to find out whether any were lost.
//
// Threads: the channel's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "probe/cmsis_dap/channel.h"
#include "probe/cmsis_dap/swo_commands.h"
#include "probe/probe.h"

namespace probegate::cmsis_dap {

// As Probe's methods of these names; the device must be one that has SWO in UART mode.
class SwoCapture {
 public:
  // `channel` must outlive this. `streams`: the device reports that it can stream.
  SwoCapture(Channel& channel, size_t packet_size, bool streams)
      : channel_(channel), most_(SwoRead::MaxBytes(packet_size)), may_stream_(streams && channel.has_trace()) {}

  absl::Status Start(uint32_t baud);
  absl::Status Stop();
  absl::StatusOr<SwoData> Read();

  // Restarts a running capture after the device was reset. The next Read then reports that bytes were lost; if the
  // restart fails, it reports that there is no capture.
  absl::Status Resume();

 private:
  absl::Status ChooseTransport();
  absl::Status SetBaud(uint32_t baud);
  absl::StatusOr<SwoData> ReadData();
  absl::StatusOr<SwoData> ReadStream();

  Channel& channel_;
  const uint16_t most_;  // bytes of one DAP_SWO_Data
  const bool may_stream_;
  bool running_ = false;
  bool streaming_ = false;  // on the endpoint
  bool lost_ = false;       // bytes were lost; the next Read reports it
  uint32_t baud_ = 0;
};

}  // namespace probegate::cmsis_dap
