// The SWO bytes that a device sends unasked, on an endpoint of their own (CMSIS-DAP 2.1, DAP_SWO_Transport 2).
//
// Threads: the transport's. No method waits for bytes; only Start waits until there are none. Errors: as a transport's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace probegate::cmsis_dap {

class TraceStream {
 public:
  virtual ~TraceStream() = default;
  TraceStream(const TraceStream&) = delete;
  TraceStream& operator=(const TraceStream&) = delete;

  // Discards the bytes that an earlier capture has left, then starts to read. The device must not be capturing during
  // this call.
  virtual absl::Status Start() = 0;

  // Stops reading, and drops the bytes that have not been taken. Does nothing if the stream is not reading.
  virtual void Stop() = 0;

  // Appends the bytes that have arrived, in order, and not many more than `most` of them. Returns true if there are
  // more. After an error, bytes may be missing, and reading goes on.
  virtual absl::StatusOr<bool> Take(std::vector<uint8_t>& bytes, size_t most) = 0;

 protected:
  TraceStream() = default;
};

}  // namespace probegate::cmsis_dap
