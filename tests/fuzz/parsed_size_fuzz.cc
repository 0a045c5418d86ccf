// Any bytes as a request of a stream: the estimate of what they take once parsed never falls short.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "base/protobuf/parsed_size.h"
#include "probegate/v1/debug_probe.pb.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const probegate::ParsedSize kParsedSize(*probegate::v1::StreamRequest::descriptor());
  google::protobuf::io::ArrayInputStream stream(data, static_cast<int>(size), 13);
  const auto estimate = kParsedSize.Of(stream, size, size_t{16} << 20);
  probegate::v1::StreamRequest request;
  if (!estimate.ok() || !request.ParseFromArray(data, static_cast<int>(size))) return 0;
  if (*estimate < request.SpaceUsedLong()) std::abort();
  if (*estimate > 1024 + 256 * size) std::abort();
  return 0;
}
