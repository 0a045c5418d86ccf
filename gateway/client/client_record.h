// What is counted and logged of one client, so that its connection need not know how.
//
// A session goes by the first 16 digits of its id in all lines, as in the server's: the whole id is a secret.
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

// A request between its line and its reply. Destroyed before that, it counts as unanswered.
struct RequestRecord {
  const Command* command = nullptr;  // null: none that there is
  std::string trace;                 // the trace's id, where there is one to be logged
  OperationScope scope;
};

class ClientRecord {
 public:
  using Clock = OperationScope::Clock;

  // `metrics` and `log` must outlive the record. `peer` is the client's HOST:PORT.
  ClientRecord(std::string probe, std::string peer, GatewayMetrics& metrics, Log& log);

  const std::string& peer() const { return peer_; }

  // How the client comes: it is either welcome or refused.
  void Connected();
  void Refused(std::string_view reason);
  // The end, for both.
  void Disconnected();

  // Bytes of lines and of replies. The lines that are taken out of what was received last have arrived now.
  void Received(size_t bytes);
  void Sent(size_t bytes);

  // A line that has just been taken: each becomes a request, whatever it holds. `trace_id` is that of the client's
  // trace, or empty.
  RequestRecord Begin(const Command* command, std::string_view trace_id);
  // What became of it: the number of an outcome (gateway/metrics/gateway_metrics.h). `request_id` is the one upstream,
  // or 0.
  void End(RequestRecord& request, uint64_t request_id, size_t outcome);

  // A line that is no request, or too long, and why. A flood of them costs one line of the log a second.
  void BadLine(std::string_view why);

  // A session has been asked for; is there; is there no more, or never was.
  void SessionAskedFor() { session_.clear(); }
  void SessionOpened(std::string_view session_id);
  void SessionLost(std::string_view reason);

  // What the client had been answered early has failed, and it is not there any more to be told.
  void PostedInVain(std::string_view reason);

 private:
  void WarnOfBadLines(uint64_t count);

  const std::string probe_;
  const std::string peer_;
  GatewayMetrics& metrics_;
  Log& log_;

  Clock::time_point received_at_;
  std::string session_;  // the one that was opened last; empty until it is
  uint64_t requests_ = 0;
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
  bool connected_ = false;

  FloodGate bad_lines_;
  std::string last_bad_line_;  // what was wrong with it
};

}  // namespace probegate
