// DAP_SWO_Transport, _Mode, _Baudrate, _Control, _Status, _ExtendedStatus and _Data.
#pragma once

#include <cstdint>
#include <functional>

#include "sim/cmsis_dap/message.h"
#include "sim/cmsis_dap/swo_capture.h"

namespace probegate::sim {

class SwoCommands {
 public:
  // Both must outlive it. `timer` is the test domain timer.
  SwoCommands(SwoCapture& capture, const std::function<uint32_t()>& timer) : capture_(capture), timer_(timer) {}

  // Command handlers (message.h).
  bool Transport(RequestReader& request, ReplyWriter& reply);
  bool Mode(RequestReader& request, ReplyWriter& reply);
  bool Baudrate(RequestReader& request, ReplyWriter& reply);
  bool Control(RequestReader& request, ReplyWriter& reply);
  bool Status(RequestReader& request, ReplyWriter& reply);
  bool ExtendedStatus(RequestReader& request, ReplyWriter& reply);
  bool Data(RequestReader& request, ReplyWriter& reply);

 private:
  SwoCapture& capture_;
  const std::function<uint32_t()>& timer_;
};

}  // namespace probegate::sim
