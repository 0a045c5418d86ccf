// The trace stream of a v2 interface with a third endpoint.
//
// Each read is for one packet of the endpoint. A device does not send an empty packet after a full one, so a longer
// read would hold back a full packet until another one followed, and would lose it if it was cancelled.
#pragma once

#include <functional>
#include <memory>

#include "probe/cmsis_dap/trace_stream.h"
#include "probe/usb/bus.h"

namespace probegate::cmsis_dap {

class UsbTrace final : public TraceStream {
 public:
  // `judge` is called with each error of the endpoint, and returns the error to report.
  UsbTrace(const usb::Endpoint& endpoint, std::function<absl::Status(absl::Status)> judge)
      : endpoint_(endpoint), judge_(std::move(judge)) {}

  // Detach: the endpoint's interface is about to be given back. Attach: it has been claimed again. Bytes that were not
  // taken before are lost, and Take reports that.
  void Detach();
  absl::Status Attach(usb::Claim& claim);

  absl::Status Start() override;
  void Stop() override;
  absl::StatusOr<bool> Take(std::vector<uint8_t>& bytes, size_t most) override;

 private:
  absl::Status Drain();
  absl::Status Read();
  absl::Status Failed(absl::Status status);

  const usb::Endpoint endpoint_;
  const std::function<absl::Status(absl::Status)> judge_;
  std::unique_ptr<usb::Pipe> pipe_;
  bool running_ = false;
  absl::Status failure_;  // reported by the next Take
};

}  // namespace probegate::cmsis_dap
