// What the gateway counts (gateway/metrics/metric_rows.h), ready to be counted: all series are there from the
// beginning, and none is made by what a client sends.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "gateway/net/server_address.h"
#include "gateway/protocol/command_table.h"
#include "telemetry/metrics.h"
#include "telemetry/scope.h"

namespace probegate {

// How a request line ended: the label `status`, and the number of its counter in OperationMetrics::outcomes. A status
// of the remote protocol was sent, or the connection had gone before anything could be.
size_t OutcomeOf(ReplyStatus status);
size_t Unanswered();
std::string_view ReplyOutcomeName(size_t outcome);

// The label `request`: the command's name, or `unknown` for null.
std::string_view RequestName(const Command* command);

// Threads: any. Must outlive the io_context whose connections count.
class GatewayMetrics {
 public:
  explicit GatewayMetrics(MetricSet& set);
  GatewayMetrics(const GatewayMetrics&) = delete;
  GatewayMetrics& operator=(const GatewayMetrics&) = delete;

  // Whether the gateway follows a server: 0, until it is set.
  Gauge ServerUp(const ServerAddress& server) const;

  // Where requests for `command`, a row of the table, are counted; null: those that are for none.
  const OperationMetrics& request(const Command* command) const;

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
  const std::vector<OperationMetrics> requests_;  // points to those two
};

}  // namespace probegate
