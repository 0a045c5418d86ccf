// How much memory a request takes.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>

#include "probegate/v1/debug_probe.pb.h"

namespace probegate {

// The most that a request takes from the moment that its line has been taken until its reply has been sent: its ID, its
// message to the server, the server's response and the reply. `request` is null if the server is not asked.
uint64_t RequestCost(size_t line_bytes, const v1::StreamRequest* request);

// What posted requests take that have been answered and perhaps not been carried out.
uint64_t PostedCost(uint64_t requests, uint64_t line_bytes);

// The most that a line of at most `max_line_bytes` takes, while it arrives and then as a request. Not included are the
// numbers in the server's response.
uint64_t LongestLineCost(size_t max_line_bytes);

}  // namespace probegate
