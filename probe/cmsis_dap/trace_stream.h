// The bytes of SWO as a device sends them by itself, on an endpoint that has nothing else (CMSIS-DAP 2.1,
// DAP_SWO_Transport 2).
//
// Threads: the transport's. No method waits for bytes, but Start for there to be none. Errors: as a transport's.
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

  // Throws away what an earlier capture has left, for which the device must not capture, and reads from then on.
  virtual absl::Status Start() = 0;

  // Reads no more; what came and was not taken is dropped. Nothing where it does not read.
  virtual void Stop() = 0;

  // Appends what has come, in its order, and not much beyond `most` bytes of it. True where there is more. After an
  // error bytes may be missing, and reading goes on.
  virtual absl::StatusOr<bool> Take(std::vector<uint8_t>& bytes, size_t most) = 0;

 protected:
  TraceStream() = default;
};

}  // namespace probegate::cmsis_dap
