// The series of the gateway's metrics (gateway/metrics/metric_rows.h). All of them except those of the servers exist
// from the start, and nothing that a client sends can create one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "gateway/net/server_address.h"
#include "gateway/protocol/command_table.h"
#include "telemetry/metrics.h"
#include "telemetry/scope.h"

namespace probegate {

// The outcome of a request line: either a status of the remote protocol was sent, or the connection was gone before a
// reply could be. An outcome is the index of its counter in OperationMetrics::outcomes; its name is the label `status`.
size_t OutcomeOf(ReplyStatus status);
size_t Unanswered();
std::string_view ReplyOutcomeName(size_t outcome);

// The label `request`: the command's name, or `unknown` for null.
std::string_view RequestName(const Command* command);

// Why the gateway ended a client's connection.
enum class ClientEnd : uint8_t {
  kHttp,      // it began with an HTTP request
  kTls,       // it began with a TLS handshake
  kNotJson,   // its first line was something else that is not a JSON object
  kSilent,    // it sent no whole line
  kSlowLine,  // it did not finish a line
  kUnread,    // it did not read its replies
};
inline constexpr size_t kClientEnds = 6;
// For people to read.
std::string_view ClientEndText(ClientEnd why);

// Threads: any. Must outlive the io_context whose connections update it.
class GatewayMetrics {
 public:
  explicit GatewayMetrics(MetricSet& set);
  GatewayMetrics(const GatewayMetrics&) = delete;
  GatewayMetrics& operator=(const GatewayMetrics&) = delete;

  // The gauge that says whether the gateway follows a server: 0 until it is set.
  Gauge ServerUp(const ServerAddress& server) const;

  // Counts the requests for `command`, a row of the command table; null: request lines that name no command.
  const OperationMetrics& request(const Command* command) const;

  const Counter& clients_ended(ClientEnd why) const { return clients_ended_[static_cast<size_t>(why)]; }

  const Counter server_reconnects;
  const Gauge ports;
  const Gauge connections;
  const Counter connections_accepted;
  const Counter connections_refused;
  const Counter bytes_in;
  const Counter bytes_out;
  const Counter bad_lines;
  const Counter sessions_lost;

 private:
  MetricSet& set_;
  // The counters of each row of the command table, and of `unknown`, by outcome.
  const std::vector<std::vector<Counter>> request_outcomes_;
  const Histogram request_seconds_;
  const std::vector<Counter> clients_ended_;
  const std::vector<OperationMetrics> requests_;  // points to the two members above
};

}  // namespace probegate
