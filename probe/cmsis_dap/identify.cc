#include "probe/cmsis_dap/identify.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "base/utf8.h"
#include "probe/error.h"

namespace probegate::cmsis_dap {
namespace {

constexpr size_t kMostMarkers = 3;
// How many questions a device may leave without any answer. Each takes the whole reply time-out.
constexpr int kMostSilences = 2;

// What is asked, in this order. The first ones make the best markers: two numbers and the serial number, whose replies
// differ in most devices.
constexpr InfoId kQuestions[] = {InfoId::kPacketSize,      InfoId::kPacketCount,    InfoId::kSerialNumber,
                                 InfoId::kCapabilities,    InfoId::kVendor,         InfoId::kProduct,
                                 InfoId::kProtocolVersion, InfoId::kFirmwareVersion};

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// The text of a device, fit for a name: UTF-8, without control characters. Text in another encoding is taken for
// Latin-1, so that two different texts stay different. Bytes 0xFF at the end are memory that was never written.
std::string Clean(std::string text) {
  text.erase(text.find_last_not_of('\xFF') + 1);
  if (!IsUtf8(text)) {
    std::string converted;
    for (const char byte : text) AppendUtf8(converted, static_cast<uint8_t>(byte));
    text = std::move(converted);
  }
  text = OneLine(text);
  return std::string(absl::StripAsciiWhitespace(text));
}

// Whether DAP_Info 4 says that the device has no DAP_SWD_Sequence, which came with version 1.2. Such firmware is not
// asked: it is old, and need not be prepared for a command that it does not know. Any other text may say anything,
// often the version of the firmware, and the device is asked.
bool SaysNoSwdSequence(std::string_view version) {
  // "1.10" is 1.1.0, in Arm's own firmware of that time.
  constexpr std::string_view kBefore12[] = {"1.0", "1.00", "1.0.0", "1.1", "1.10", "1.1.0"};
  if (std::find(std::begin(kBefore12), std::end(kBefore12), version) != std::end(kBefore12)) return true;
  // Microchip's EDBG and its relatives: the version of their firmware, as in "03.25.01B6".
  return version.size() == 10 && version[0] == '0' && version[2] == '.' && version[5] == '.';
}

absl::Status TooSlow() {
  return MakeError(ErrorKind::kProbeError, "the probe takes too long to say what it is; is its link overloaded?");
}

// Puts the questions to the device, and remembers which of them can serve as markers.
class Questions {
 public:
  explicit Questions(Channel& channel) : channel_(channel) {}

  // Asks all of kQuestions, unless the channel is interrupted.
  absl::Status AskAll() {
    for (const InfoId id : kQuestions) {
      if (absl::Status status = Ask(id); !status.ok()) return status;
    }
    if (markers_.empty() && poor_marker_) markers_.push_back(*std::move(poor_marker_));
    if (markers_.empty()) return MakeError(ErrorKind::kProbeError, "the probe refuses every question of DAP_Info");
    channel_.SetMarkers(markers_);
    return absl::OkStatus();
  }

  // Nothing if the device does not answer, or not with a number.
  std::optional<uint32_t> Number(InfoId id) const {
    const auto answer = answers_.find(id);
    return answer == answers_.end() ? std::nullopt : Info::Reply{answer->second}.Number();
  }
  // Empty if there is none.
  std::string Text(InfoId id) const {
    const auto answer = answers_.find(id);
    return answer == answers_.end() ? std::string() : Clean(Info::Reply{answer->second}.Text());
  }

  // Asks the first marker's question again. If a reply of an earlier user was still on its way, each answer has been
  // taken for that to the question after it, and now another one comes.
  absl::Status CheckOrder() {
    const Channel::Marker& marker = markers_.front();
    const auto reply = channel_.AskIfKnown(marker.question);
    if (!reply.ok()) return reply.status();
    if (reply->has_value() && Trimmed(marker.question, **reply) == marker.reply) return absl::OkStatus();
    return MakeError(ErrorKind::kProbeError,
                     "the probe's answers do not belong to the questions; an earlier reply seems to be left in it");
  }

  // Whether the device has DAP_SWD_Sequence: one of no segments does nothing.
  absl::StatusOr<bool> HasSwdSequence() {
    if (SaysNoSwdSequence(Text(InfoId::kProtocolVersion))) return false;
    const auto reply = channel_.AskIfKnown(SwdSequence{});
    if (reply.ok()) return reply->has_value();
    if (IsError(reply.status(), ErrorKind::kProbeDisconnected)) return reply.status();
    channel_.Assume(
        "the probe gives no proper answer to an empty DAP_SWD_Sequence; it is taken not to have the command");
    return false;
  }

 private:
  static std::vector<uint8_t> Trimmed(const Info& question, absl::Span<const uint8_t> reply) {
    const auto decoded = question.Decode(reply);
    const absl::Span<const uint8_t> bytes = decoded ? decoded->bytes : reply;
    return {bytes.begin(), bytes.end()};
  }

  absl::Status Ask(InfoId id) {
    if (channel_.interrupted()) return TooSlow();
    const Info question{id};
    auto reply = channel_.AskIfKnown(question);
    // A reply may have been lost or late, and the probe must not be taken for another one because of that.
    const bool again = !reply.ok() && !IsError(reply.status(), ErrorKind::kProbeDisconnected) && !markers_.empty();
    if (again) reply = channel_.AskIfKnown(question);
    if (!reply.ok()) return Forgive(reply.status());
    if (!reply->has_value()) return absl::OkStatus();
    std::vector<uint8_t> bytes = Trimmed(question, **reply);
    AddMarker(question, bytes);
    if (bytes.size() > kEmptyReply) answers_.emplace(id, std::move(bytes));
    return absl::OkStatus();
  }

  // The channel has found its place again, if it has a marker.
  absl::Status Forgive(absl::Status status) {
    if (IsError(status, ErrorKind::kProbeDisconnected) || markers_.empty() || ++silences_ > kMostSilences)
      return status;
    channel_.Assume("the probe does not answer every question of DAP_Info; what it does not say has a safe value");
    return absl::OkStatus();
  }

  // An empty answer is that to many questions: it is a marker only if there is no better one.
  void AddMarker(const Info& question, const std::vector<uint8_t>& reply) {
    if (reply.size() <= kEmptyReply) {
      if (!poor_marker_) poor_marker_ = {question, reply};
      return;
    }
    const bool known =
        std::any_of(markers_.begin(), markers_.end(), [&](const Channel::Marker& m) { return m.reply == reply; });
    if (known || markers_.size() == kMostMarkers) return;
    markers_.push_back({question, reply});
    channel_.SetMarkers(markers_);
  }

  static constexpr size_t kEmptyReply = 2;  // bytes: the command and a length of 0

  Channel& channel_;
  std::map<InfoId, std::vector<uint8_t>> answers_;  // those that are not empty
  std::vector<Channel::Marker> markers_;
  std::optional<Channel::Marker> poor_marker_;
  int silences_ = 0;
};

// The size of packets in both directions.
size_t PacketSize(Channel& channel, const Questions& questions, const Options& options) {
  const std::optional<uint32_t> said = questions.Number(InfoId::kPacketSize);
  size_t size = kUsualPacket;
  if (options.packet_size && IsUsablePacketSize(*options.packet_size)) {
    size = *options.packet_size;
  } else if (said && IsUsablePacketSize(*said)) {
    size = *said;
  } else {
    const std::string what = said ? absl::StrCat("says that its packets have ", *said, " bytes")
                                  : std::string("does not say how long its packets are");
    channel.Assume(absl::StrCat("the probe ", what, "; ", kUsualPacket, " bytes are assumed"));
  }
  return std::min(size, channel.max_packet_size());
}

size_t PacketCount(Channel& channel, const Questions& questions, const Options& options) {
  if (options.packet_count && *options.packet_count > 0) return *options.packet_count;
  const std::optional<uint32_t> said = questions.Number(InfoId::kPacketCount);
  if (said.value_or(0) > 0) return *said;
  channel.Assume("the probe does not say how many packets it can hold; it gets one at a time");
  return 1;
}

uint32_t Capabilities(Channel& channel, const Questions& questions) {
  const std::optional<uint32_t> said = questions.Number(InfoId::kCapabilities);
  if (!said) channel.Assume("the probe does not say what it can do; SWD is assumed, and nothing else");
  return said.value_or(kCapabilitySwd);
}

// JTAG takes longer packets than SWD.
bool HasJtag(Channel& channel, uint32_t capabilities, size_t packet_size) {
  if ((capabilities & kCapabilityJtag) == 0) return false;
  if (packet_size >= kUsualPacket) return true;
  channel.Assume(absl::StrCat("the probe's packets have only ", packet_size,
                              " bytes; JTAG is not offered, because it needs ", kUsualPacket));
  return false;
}

const std::string& FirstOf(const std::string& first, const std::string& second) {
  return first.empty() ? second : first;
}

}  // namespace

absl::StatusOr<Identity> Identify(Channel& channel, const Options& options) {
  if (channel.max_packet_size() < kSmallestPacket) {
    return MakeError(ErrorKind::kProbeError,
                     absl::StrCat("packets to the probe are limited to ", channel.max_packet_size(),
                                  " bytes; CMSIS-DAP needs at least ", kSmallestPacket));
  }
  Questions questions(channel);
  if (absl::Status status = questions.AskAll(); !status.ok()) return status;
  if (absl::Status status = questions.CheckOrder(); !status.ok()) return status;
  const absl::StatusOr<bool> swd_sequence = questions.HasSwdSequence();
  if (!swd_sequence.ok()) return swd_sequence.status();

  const uint32_t capabilities = Capabilities(channel, questions);
  if ((capabilities & kCapabilitySwd) == 0) return MakeError(ErrorKind::kProbeError, "the probe does not support SWD");
  const std::string serial = questions.Text(InfoId::kSerialNumber);
  const ProbeInfo& known = options.known;
  const std::string& id = FirstOf(known.unique_id, FirstOf(serial, options.fallback_id));
  if (id.empty()) return MakeError(ErrorKind::kProbeError, "the probe has no serial number to identify it by");

  Identity identity;
  identity.packet_size = PacketSize(channel, questions, options);
  identity.packet_count = PacketCount(channel, questions, options);
  identity.swo_stream = (capabilities & kCapabilitySwoStream) != 0;
  identity.info = {.unique_id = id,
                   .vendor_name = FirstOf(known.vendor_name, questions.Text(InfoId::kVendor)),
                   .product_name = FirstOf(known.product_name, questions.Text(InfoId::kProduct)),
                   .firmware_version = questions.Text(InfoId::kFirmwareVersion),
                   .features = {.jtag = HasJtag(channel, capabilities, identity.packet_size),
                                .swd_sequence = *swd_sequence,
                                .swo = (capabilities & kCapabilitySwoUart) != 0}};
  return identity;
}

}  // namespace probegate::cmsis_dap
