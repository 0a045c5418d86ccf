// The trace stream of a v2 interface with a third endpoint.
//
// Each read is for one packet of the endpoint's: a device ends none of its packets by an empty one, so a longer read
// would keep a full packet back until something came behind it, and a cancelled one would lose it.
#pragma once

#include <functional>
#include <memory>

#include "probe/cmsis_dap/trace_stream.h"
#include "probe/usb/bus.h"

namespace probegate::cmsis_dap {

class UsbTrace final : public TraceStream {
 public:
  // `judge` is told each error of the endpoint's, and answers what to make of it.
  UsbTrace(const usb::Endpoint& endpoint, std::function<absl::Status(absl::Status)> judge)
      : endpoint_(endpoint), judge_(std::move(judge)) {}

  // The endpoint's interface is to be given back, or has been taken again. What was not taken before is lost, which
  // Take says.
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
  absl::Status failure_;  // to be told by the next Take
};

}  // namespace probegate::cmsis_dap
