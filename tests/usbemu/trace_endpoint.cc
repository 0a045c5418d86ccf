#include "tests/usbemu/trace_endpoint.h"

#include <algorithm>

namespace probegate::usbemu {

void TraceEndpoint::Fill(const Bytes& bytes) {
  for (size_t at = 0; at < bytes.size(); at += max_packet_) {
    const size_t end = std::min(bytes.size(), at + max_packet_);
    packets_.emplace_back(bytes.begin() + static_cast<ptrdiff_t>(at), bytes.begin() + static_cast<ptrdiff_t>(end));
  }
}

}  // namespace probegate::usbemu
