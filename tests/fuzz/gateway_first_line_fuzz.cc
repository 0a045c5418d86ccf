// Feeds arbitrary first bytes of a connection to what decides whether it is served.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "gateway/json/json_reader.h"
#include "gateway/protocol/first_line.h"
#include "gateway/protocol/json_codec.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  const bool served = probegate::IsJsonObject(line);
  // However the bytes arrive: once they look like something else, they never again look like an object.
  bool refused = false;
  for (size_t arrived = 0; arrived <= line.size(); ++arrived) {
    const auto look = probegate::LookAt(line.substr(0, arrived));
    const bool may_go_on = look == probegate::FirstBytes::kTooFew || look == probegate::FirstBytes::kObject;
    if (refused) Require(!may_go_on);
    refused = !may_go_on;
    if (arrived > 64) break;
  }
  if (served) Require(!refused);
  // Every line that can be answered with the ID of its request begins a connection.
  probegate::Request request;
  if (probegate::ParseRequest(line, request).empty()) Require(served);
  return 0;
}
