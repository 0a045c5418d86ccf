// Feeds arbitrary bytes to the TCP framing in pieces of any size. What it takes for packets must be the bytes of the
// stream, from its beginning, without a gap.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "probe/cmsis_dap/tcp_framing.h"

namespace probegate::cmsis_dap {
namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

// Takes the complete packets. Returns false if the stream has ended in an error.
bool TakePackets(TcpPacketDecoder& decoder, std::vector<uint8_t>& encoded) {
  while (true) {
    const auto packet = decoder.Next();
    if (!packet.ok()) return false;
    if (!packet->has_value()) return true;
    Check(!(*packet)->empty() && (*packet)->size() <= kTcpMaxPacket);
    const auto header = EncodeTcpHeader(TcpPacketType::kResponse, (*packet)->size());
    // The last byte of a header is reserved, and its value is ignored.
    encoded.insert(encoded.end(), header.begin(), header.end());
    encoded.insert(encoded.end(), (*packet)->begin(), (*packet)->end());
  }
}

// The first byte says how long the pieces are.
void Run(const uint8_t* data, size_t size) {
  if (size == 0) return;
  const size_t piece = data[0] + size_t{1};
  const std::vector<uint8_t> stream(data + 1, data + size);
  TcpPacketDecoder decoder(TcpPacketType::kResponse);
  std::vector<uint8_t> encoded;
  size_t fed = 0;
  bool good = true;
  while (good && fed < stream.size()) {
    const absl::Span<uint8_t> space = decoder.FreeSpace();
    Check(!space.empty());
    const size_t count = std::min({piece, stream.size() - fed, space.size()});
    std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(fed), count, space.begin());
    decoder.Commit(count);
    fed += count;
    good = TakePackets(decoder, encoded);
  }
  Check(encoded.size() <= fed);
  for (size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] != stream[i]) Check(encoded[i] == 0);
  }
  if (good) Check(fed - encoded.size() < kTcpHeaderSize + kTcpMaxPacket);
}

}  // namespace
}  // namespace probegate::cmsis_dap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  probegate::cmsis_dap::Run(data, size);
  return 0;
}
