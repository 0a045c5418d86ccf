// SWO capture by a CMSIS-DAP device, for a driver.
//
// UART mode. Bytes come by the device's endpoint for them if it has one that the transport reaches, and says that it
// streams; otherwise by DAP_SWO_Data. Either way a read costs a packet: on the endpoint there are bytes and nothing
// else, so DAP_SWO_Status says whether any were lost.
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
  // `channel` must outlive it. `streams`: the device says that it can.
  SwoCapture(Channel& channel, size_t packet_size, bool streams)
      : channel_(channel), most_(SwoRead::MaxBytes(packet_size)), may_stream_(streams && channel.has_trace()) {}

  absl::Status Start(uint32_t baud);
  absl::Status Stop();
  absl::StatusOr<SwoData> Read();

  // Begins a capture anew that the device may have forgotten, if there is one. The next Read says that bytes were lost,
  // or after an error that there is no capture.
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
  bool streaming_ = false;  // by the endpoint
  bool lost_ = false;       // bytes were lost, which the next Read is to say
  uint32_t baud_ = 0;
};

}  // namespace probegate::cmsis_dap
