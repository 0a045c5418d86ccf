#include "sim/cmsis_dap/info.h"

#include "sim/cmsis_dap/protocol.h"
#include "sim/cmsis_dap/swo_capture.h"

namespace probegate::sim {
namespace {

constexpr uint8_t kSerialNumber = 0x03;

// Strings are sent with their terminating zero; a string that is not listed here has length 0.
struct TextRow {
  uint8_t id;
  std::string_view text;
};
constexpr TextRow kTexts[] = {
    {0x01, "Probegate"},            // vendor
    {0x02, "Simulated CMSIS-DAP"},  // product
    {0x04, "2.1.0"},                // CMSIS-DAP protocol version
    {0x09, PROBEGATE_VERSION},      // product firmware version
};

constexpr uint32_t kSwd = 1u << 0;
constexpr uint32_t kJtag = 1u << 1;
constexpr uint32_t kSwoUart = 1u << 2;
constexpr uint32_t kAtomicCommands = 1u << 4;
constexpr uint32_t kTestDomainTimer = 1u << 5;
constexpr uint32_t kSwoStream = 1u << 6;
constexpr uint8_t kCapabilities = 0xF0;

struct NumberRow {
  uint8_t id;
  uint8_t size;  // bytes
  uint32_t value;
};
constexpr NumberRow kNumbers[] = {
    {kCapabilities, 2, kSwd | kJtag | kSwoUart | kAtomicCommands | kTestDomainTimer},
    {0xF1, 4, 1'000'000},                 // frequency of the test domain timer
    {0xFD, 4, SwoCapture::kBufferBytes},  // SWO trace buffer
    {0xFE, 1, kPacketCount},
    {0xFF, 2, kMaxPacketSize},
};

}  // namespace

bool AnswerInfo(std::string_view serial, bool streams_swo, RequestReader& request, ReplyWriter& reply) {
  const uint8_t id = request.U8();
  if (!request.ok()) return false;
  std::string_view text = id == kSerialNumber ? serial : std::string_view();
  for (const TextRow& row : kTexts) {
    if (row.id == id) text = row.text;
  }
  if (!text.empty()) {
    reply.U8(static_cast<uint8_t>(text.size() + 1));
    reply.Text(text);
    reply.U8(0);
    return true;
  }
  for (const NumberRow& row : kNumbers) {
    if (row.id != id) continue;
    const uint32_t value = row.value | (id == kCapabilities && streams_swo ? kSwoStream : 0);
    reply.U8(row.size);
    for (unsigned i = 0; i < row.size; ++i) reply.U8(static_cast<uint8_t>(value >> (8 * i)));
    return true;
  }
  reply.U8(0);
  return true;
}

}  // namespace probegate::sim
