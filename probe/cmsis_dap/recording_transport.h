// A transport that records everything that passes through it.
#pragma once

#include <memory>

#include "probe/cmsis_dap/transport.h"
#include "probe/packet_sink.h"

namespace probegate::cmsis_dap {

// Wraps `transport`: each packet is passed to `sink` when it is sent or received. Events: "silence" if an expected
// reply did not arrive, "error" with the transport's error message, "restore" with the number of the attempt.
std::unique_ptr<Transport> Record(std::unique_ptr<Transport> transport, std::unique_ptr<PacketSink> sink);

}  // namespace probegate::cmsis_dap
