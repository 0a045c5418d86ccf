// Counts and logs what one client does, so that its connection need not know how.
//
// Log lines name a session by the first 16 digits of its ID, as the server's do: the whole ID is a secret.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/metrics/gateway_metrics.h"
#include "telemetry/flood_gate.h"
#include "telemetry/log.h"
#include "telemetry/scope.h"

namespace probegate {

// A request between its line and its reply. If it is destroyed before its reply, it counts as unanswered.
struct RequestRecord {
  const Command* command = nullptr;  // null: the line names no command
  std::string trace;                 // the trace's ID, if there is one to be logged
  OperationScope scope;
};

class ClientRecord {
 public:
  using Clock = OperationScope::Clock;

  // `metrics` and `log` must outlive the record. `peer` is the client's HOST:PORT.
  ClientRecord(std::string probe, std::string peer, GatewayMetrics& metrics, Log& log);

  const std::string& peer() const { return peer_; }

  // Connected if the client is served. In any case the last call is Disconnected.
  void Connected();
  void Disconnected();

  // Counts bytes of lines and of replies. A line counts as having arrived at the last call of Received before Begin.
  void Received(size_t bytes);
  void Sent(size_t bytes);

  // A line is being handled. Each line counts as a request, whatever its content. `trace_id` is the ID of the client's
  // trace, or empty.
  RequestRecord Begin(const Command* command, std::string_view trace_id);
  // The request has ended with `outcome` (gateway/metrics/gateway_metrics.h). `request_id` is the one upstream, or 0.
  void End(RequestRecord& request, uint64_t request_id, size_t outcome);

  // A line was not a request, or was too long. However many there are, at most one line per second is logged.
  void BadLine(std::string_view why);

  // In this order: a session has been requested; it has been opened; it has been lost, or could not be opened.
  void SessionAskedFor() { session_.clear(); }
  void SessionOpened(std::string_view session_id);
  void SessionLost(std::string_view reason);

  // A posted request has failed, or may have failed, and the client has no request left that could report it.
  void PostedInVain(std::string_view reason);

 private:
  void WarnOfBadLines(uint64_t count);

  const std::string probe_;
  const std::string peer_;
  GatewayMetrics& metrics_;
  Log& log_;

  Clock::time_point received_at_;
  std::string session_;  // the one that was opened last; empty until then
  uint64_t requests_ = 0;
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
  bool connected_ = false;

  FloodGate bad_lines_;
  std::string last_bad_line_;  // what was wrong with the last one
};

}  // namespace probegate
