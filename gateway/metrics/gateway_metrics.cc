#include "gateway/metrics/gateway_metrics.h"

#include <array>
#include <optional>

#include "gateway/metrics/metric_rows.h"

namespace probegate {
namespace {

struct OutcomeRow {
  std::optional<ReplyStatus> status;  // nothing if no reply was sent
  std::string_view name;
};

constexpr auto kOutcomes = std::to_array<OutcomeRow>({
    {ReplyStatus::kOk, "ok"},
    {ReplyStatus::kGeneralError, "general_error"},
    {ReplyStatus::kProbeDisconnected, "probe_disconnected"},
    {ReplyStatus::kProbeError, "probe_error"},
    {ReplyStatus::kTransferError, "transfer_error"},
    {ReplyStatus::kTransferTimeout, "transfer_timeout"},
    {ReplyStatus::kTransferFault, "transfer_fault"},
    {std::nullopt, "unanswered"},
});

struct EndRow {
  ClientEnd why;
  std::string_view label;
  std::string_view text;
};

constexpr auto kEnds = std::to_array<EndRow>({
    {ClientEnd::kHttp, "http", "the connection began with an HTTP request"},
    {ClientEnd::kTls, "tls", "the connection began with a TLS handshake"},
    {ClientEnd::kNotJson, "not_json", "the first line was not a JSON object"},
    {ClientEnd::kSilent, "silent", "no request arrived in time"},
    {ClientEnd::kSlowLine, "slow_line", "a request line was not finished in time"},
    {ClientEnd::kUnread, "unread", "the client did not read its replies"},
});
static_assert(kEnds.size() == kClientEnds);

std::vector<Counter> MakeEnds(MetricSet& set) {
  std::vector<Counter> ends;
  for (const EndRow& end : kEnds) ends.emplace_back(set, metric_rows::kClientsEnded, LabelValues{end.label});
  return ends;
}

constexpr size_t NumberOf(std::optional<ReplyStatus> status) {
  size_t number = 0;
  while (kOutcomes[number].status != status) ++number;
  return number;
}

// The index of a command's counters: the index of its row; one past the last row for lines that name no command.
size_t NumberOf(const Command* command) {
  const auto commands = Commands();
  return command == nullptr ? commands.size() : static_cast<size_t>(command - commands.data());
}

std::vector<std::vector<Counter>> MakeOutcomes(MetricSet& set) {
  const auto of_request = [&set](std::string_view name) {
    std::vector<Counter> outcomes;
    outcomes.reserve(kOutcomes.size());
    for (const OutcomeRow& outcome : kOutcomes)
      outcomes.emplace_back(set, metric_rows::kRequests, LabelValues{name, outcome.name});
    return outcomes;
  };
  std::vector<std::vector<Counter>> all;
  for (const Command& command : Commands()) all.push_back(of_request(command.name));
  all.push_back(of_request(RequestName(nullptr)));
  return all;
}

std::vector<OperationMetrics> MakeRequests(const std::vector<std::vector<Counter>>& outcomes,
                                           const Histogram& seconds) {
  std::vector<OperationMetrics> requests;
  requests.reserve(outcomes.size());
  for (const std::vector<Counter>& counters : outcomes) requests.push_back({.outcomes = counters, .wait = &seconds});
  return requests;
}

}  // namespace

std::string_view ClientEndText(ClientEnd why) { return kEnds[static_cast<size_t>(why)].text; }

size_t OutcomeOf(ReplyStatus status) { return NumberOf(status); }

size_t Unanswered() { return NumberOf(std::optional<ReplyStatus>()); }

std::string_view ReplyOutcomeName(size_t outcome) { return kOutcomes[outcome].name; }

std::string_view RequestName(const Command* command) { return command == nullptr ? "unknown" : command->name; }

GatewayMetrics::GatewayMetrics(MetricSet& set)
    : server_reconnects(set, metric_rows::kServerReconnects),
      ports(set, metric_rows::kPorts),
      connections(set, metric_rows::kConnections),
      connections_accepted(set, metric_rows::kConnectionsAccepted),
      connections_refused(set, metric_rows::kConnectionsRefused),
      bytes_in(set, metric_rows::kLineBytes, {"in"}),
      bytes_out(set, metric_rows::kLineBytes, {"out"}),
      bad_lines(set, metric_rows::kBadLines),
      sessions_lost(set, metric_rows::kSessionsLost),
      set_(set),
      request_outcomes_(MakeOutcomes(set)),
      request_seconds_(set, metric_rows::kRequestSeconds),
      clients_ended_(MakeEnds(set)),
      requests_(MakeRequests(request_outcomes_, request_seconds_)) {}

Gauge GatewayMetrics::ServerUp(const ServerAddress& server) const {
  return Gauge(set_, metric_rows::kServerUp, {server.name, server.address});
}

const OperationMetrics& GatewayMetrics::request(const Command* command) const { return requests_[NumberOf(command)]; }

}  // namespace probegate
