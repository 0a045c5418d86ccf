#include "probe/cmsis_dap/identify.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

// The answer to one question, with the whole reply, from which a marker may be made.
struct Answer {
  std::vector<uint8_t> reply;
  std::string text;
  std::optional<unsigned> number;
};

absl::StatusOr<Answer> AskInfo(Channel& channel, InfoId id) {
  const auto reply = channel.Ask(Info{id});
  if (!reply.ok()) return reply.status();
  return Answer{{reply->bytes.begin(), reply->bytes.end()}, reply->Text(), reply->Number()};
}

// DAP_SWD_Sequence came with version 1.2 of the protocol.
bool HasSwdSequence(const std::string& protocol_version) {
  int major = 0;
  int minor = 0;
  if (std::sscanf(protocol_version.c_str(), "%d.%d", &major, &minor) != 2) return false;
  return major > 1 || (major == 1 && minor >= 2);
}

void SetMarkers(Channel& channel, const std::vector<std::pair<InfoId, Answer>>& answers) {
  std::vector<Channel::Marker> markers;
  for (const auto& [id, answer] : answers) {
    const bool known = std::any_of(markers.begin(), markers.end(),
                                   [&a = answer](const Channel::Marker& marker) { return marker.reply == a.reply; });
    if (!known) markers.push_back({Info{id}, answer.reply});
  }
  channel.SetMarkers(std::move(markers));
}

}  // namespace

absl::StatusOr<Identity> Identify(Channel& channel, const Options& options) {
  constexpr InfoId kQuestions[] = {InfoId::kPacketSize,      InfoId::kPacketCount,    InfoId::kSerialNumber,
                                   InfoId::kCapabilities,    InfoId::kVendor,         InfoId::kProduct,
                                   InfoId::kProtocolVersion, InfoId::kFirmwareVersion};
  if (channel.max_packet_size() < kSmallestPacket) {
    return MakeError(ErrorKind::kProbeError,
                     "packets to the probe are limited to less than the 64 bytes that CMSIS-DAP needs");
  }
  std::vector<std::pair<InfoId, Answer>> answers;
  for (const InfoId id : kQuestions) {
    absl::StatusOr<Answer> answer = AskInfo(channel, id);
    if (!answer.ok()) return answer.status();
    answers.emplace_back(id, *std::move(answer));
  }
  const Answer& packet_size = answers[0].second;
  const Answer& packet_count = answers[1].second;
  const std::string& serial = answers[2].second.text;
  const unsigned capabilities = answers[3].second.number.value_or(0);

  const size_t size = options.packet_size.value_or(packet_size.number.value_or(0));
  const size_t count = options.packet_count.value_or(packet_count.number.value_or(0));
  if (size < kSmallestPacket || count == 0) {
    return MakeError(ErrorKind::kProbeError, "the probe does not report the size and number of its packets");
  }
  if ((capabilities & kCapabilitySwd) == 0) return MakeError(ErrorKind::kProbeError, "the probe does not support SWD");
  const ProbeInfo& known = options.known;
  const std::string& id = !known.unique_id.empty() ? known.unique_id : serial.empty() ? options.fallback_id : serial;
  if (id.empty()) {
    return MakeError(ErrorKind::kProbeError, "the probe has no serial number to identify it by");
  }
  Identity identity;
  identity.info = {.unique_id = id,
                   .vendor_name = known.vendor_name.empty() ? answers[4].second.text : known.vendor_name,
                   .product_name = known.product_name.empty() ? answers[5].second.text : known.product_name,
                   .firmware_version = answers[7].second.text,
                   .features = {.jtag = (capabilities & kCapabilityJtag) != 0,
                                .swd_sequence = HasSwdSequence(answers[6].second.text),
                                .swo = (capabilities & kCapabilitySwoUart) != 0}};
  identity.packet_size = std::min(size, channel.max_packet_size());
  identity.packet_count = count;
  identity.swo_stream = (capabilities & kCapabilitySwoStream) != 0;
  answers.resize(3);  // two numbers and the serial number, whose replies cannot be confused
  SetMarkers(channel, answers);
  return identity;
}

}  // namespace probegate::cmsis_dap
