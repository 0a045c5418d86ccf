#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/request_limits.h"
#include "probe/probe.h"
#include "server/commands/commands.h"
#include "server/commands/request_checks.h"

namespace probegate::commands {

// The length of a segment that the API promises is the one that every probe takes.
static_assert(kMaxSegmentCycles == SwdSegment::kMaxCycles);

v1::WireProtocol ToProto(WireProtocol protocol) {
  return protocol == WireProtocol::kJtag ? v1::WIRE_PROTOCOL_JTAG : v1::WIRE_PROTOCOL_SWD;
}

absl::Status RunConnect(SharedProbe& probe, SessionState& session, const Request& request, Response& response) {
  WireProtocol wanted = WireProtocol::kDefault;
  switch (request.connect().protocol()) {
    case v1::WIRE_PROTOCOL_DEFAULT:
      break;
    case v1::WIRE_PROTOCOL_SWD:
      wanted = WireProtocol::kSwd;
      break;
    case v1::WIRE_PROTOCOL_JTAG:
      wanted = WireProtocol::kJtag;
      break;
    default:
      return InvalidArgument(absl::StrCat("unknown wire protocol ", static_cast<int>(request.connect().protocol())));
  }
  const auto protocol = probe.Connect(session, wanted);
  if (!protocol.ok()) return protocol.status();
  response.mutable_connect()->set_protocol(ToProto(*protocol));
  return absl::OkStatus();
}

absl::Status RunDisconnect(SharedProbe& probe, SessionState& session, const Request&, Response& response) {
  response.mutable_disconnect();
  return probe.Disconnect(session);
}

absl::Status RunSwjSequence(SharedProbe& probe, SessionState& session, const Request& request, Response& response) {
  const auto& r = request.swj_sequence();
  if (absl::Status status = CheckSequence(r.bit_count(), r.bits().size()); !status.ok()) return status;
  response.mutable_swj_sequence();
  return probe.SwjSequence(session, r.bit_count(), AsBytes(r.bits()));
}

absl::Status RunSwdSequence(SharedProbe& probe, SessionState& session, const Request& request, Response& response) {
  std::vector<SwdSegment> segments;
  size_t cycles = 0;
  for (const v1::SwdSegment& segment : request.swd_sequence().segments()) {
    if (segment.cycles() == 0 || segment.cycles() > kMaxSegmentCycles) {
      return InvalidArgument(
          absl::StrCat("a segment of ", segment.cycles(), " cycles; the length must be from 1 to ", kMaxSegmentCycles));
    }
    cycles += segment.cycles();
    SwdSegment out{.cycles = segment.cycles(), .output = {}};
    if (segment.has_output()) {
      if (absl::Status status = CheckSequence(segment.cycles(), segment.output().size()); !status.ok()) return status;
      out.output.assign(segment.output().begin(), segment.output().end());
    }
    segments.push_back(std::move(out));
  }
  if (cycles > kMaxSequenceBits) {
    return InvalidArgument(
        absl::StrCat("a sequence of ", cycles, " cycles is too long; at most ", kMaxSequenceBits, " are allowed"));
  }
  auto captured = probe.SwdSequence(session, segments);
  if (!captured.ok()) return captured.status();
  auto* answer = response.mutable_swd_sequence();
  for (const std::vector<uint8_t>& bytes : *captured) answer->add_captured(std::string(bytes.begin(), bytes.end()));
  return absl::OkStatus();
}

absl::Status RunJtagSequence(SharedProbe& probe, SessionState& session, const Request& request, Response& response) {
  const auto& r = request.jtag_sequence();
  if (absl::Status status = CheckSequence(r.cycles(), r.tdi().size()); !status.ok()) return status;
  const auto tdo = probe.JtagSequence(
      session, {.cycles = r.cycles(), .tms = r.tms(), .capture = r.read_tdo(), .tdi = AsBytes(r.tdi())});
  if (!tdo.ok()) return tdo.status();
  auto* answer = response.mutable_jtag_sequence();
  if (r.read_tdo()) answer->set_tdo(std::string(tdo->begin(), tdo->end()));
  return absl::OkStatus();
}

absl::Status RunSetClock(SharedProbe& probe, SessionState& session, const Request& request, Response& response) {
  if (request.set_clock().frequency_hz() == 0)
    return InvalidArgument("invalid clock frequency of 0 Hz; it must be 1 or more");
  const auto runs = probe.SetClock(session, request.set_clock().frequency_hz());
  if (!runs.ok()) return runs.status();
  response.mutable_set_clock()->set_frequency_hz(*runs);
  return absl::OkStatus();
}

absl::Status RunReset(SharedProbe& probe, SessionState& session, const Request&, Response& response) {
  response.mutable_reset();
  return probe.Reset(session);
}

absl::Status RunAssertReset(SharedProbe& probe, SessionState& session, const Request& request, Response& response) {
  response.mutable_assert_reset();
  return probe.AssertReset(session, request.assert_reset().asserted());
}

absl::Status RunIsResetAsserted(SharedProbe& probe, SessionState& session, const Request&, Response& response) {
  const auto asserted = probe.IsResetAsserted(session);
  if (!asserted.ok()) return asserted.status();
  response.mutable_is_reset_asserted()->set_asserted(*asserted);
  return absl::OkStatus();
}

// Nothing is left to do: when it is this command's turn, the session's earlier commands have been carried out.
absl::Status RunFlush(SharedProbe&, SessionState&, const Request&, Response& response) {
  response.mutable_flush();
  return absl::OkStatus();
}

}  // namespace probegate::commands
