// Feeds arbitrary bytes to the readers of the access file and of the file of static tokens. The first byte chooses.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "access/policy_reader.h"
#include "access/static_tokens.h"

namespace probegate {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// An error names the file and a line.
void RequireLine(const absl::Status& status) {
  const std::string message(status.message());
  Require(message.starts_with("file:") && message.size() > 5 && message[5] >= '1' && message[5] <= '9');
}

void ReadAccessFile(std::string_view text) {
  const auto policy = ReadPolicy(text, "file");
  if (!policy.ok()) return RequireLine(policy.status());
  const ProbeNames probe{.uid = "A", .labels = {{"board", "b"}}};
  // No rule names an anonymous client.
  Require((*policy)->RightsOf({.proof = Proof::kAnonymous, .name = "10.0.0.7"}, probe).empty());
  (void)(*policy)->RightsOf({.proof = Proof::kLocal, .name = "alice"}, probe);
  (void)(*policy)->LimitsOf({.proof = Proof::kLocal, .name = "alice"});
}

void ReadTokens(std::string_view text) {
  const auto tokens = StaticTokens::Parse(text, "file");
  if (!tokens.ok()) return RequireLine(tokens.status());
  // No input has the digest of this by chance.
  Require(tokens->Find("a secret that no seed has") == nullptr);
}

}  // namespace
}  // namespace probegate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    probegate::ReadAccessFile(text);
  } else {
    probegate::ReadTokens(text);
  }
  return 0;
}
