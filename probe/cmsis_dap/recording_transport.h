// A transport that tells of all that passes through it.
#pragma once

#include <memory>

#include "probe/cmsis_dap/transport.h"
#include "probe/packet_sink.h"

namespace probegate::cmsis_dap {

// `transport`, with each packet given to `sink` as it goes out or has come in. The sink's events: "silence" where a
// reply was waited for and did not come, "error" with what the transport says, "restore" with the attempt's number.
std::unique_ptr<Transport> Record(std::unique_ptr<Transport> transport, std::unique_ptr<PacketSink> sink);

}  // namespace probegate::cmsis_dap
