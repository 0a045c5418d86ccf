#include "gateway/metrics/gateway_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/protocol/error_status.h"
#include "tests/telemetry/exposed.h"

namespace probegate {
namespace {

constexpr ReplyStatus kStatuses[] = {
    ReplyStatus::kOk,           ReplyStatus::kGeneralError,  ReplyStatus::kProbeDisconnected,
    ReplyStatus::kProbeError,   ReplyStatus::kTransferError, ReplyStatus::kTransferTimeout,
    ReplyStatus::kTransferFault};

std::string Series(std::string_view request, std::string_view status) {
  return "probegate_gateway_requests_total{request=\"" + std::string(request) + "\",status=\"" + std::string(status) +
         "\"}";
}

TEST(GatewayMetrics, AllSeriesExistFromTheStart) {
  MetricSet set;
  const GatewayMetrics metrics(set);
  const std::string text = set.Expose();
  for (const Command& command : Commands()) {
    for (const ReplyStatus status : kStatuses) {
      EXPECT_EQ(Exposed(text, Series(command.name, ReplyOutcomeName(OutcomeOf(status)))), 0) << command.name;
    }
    EXPECT_EQ(Exposed(text, Series(command.name, "unanswered")), 0) << command.name;
  }
  EXPECT_EQ(Exposed(text, Series("unknown", "general_error")), 0);
  for (const char* series :
       {"probegate_gateway_server_reconnects_total", "probegate_gateway_ports", "probegate_gateway_connections",
        "probegate_gateway_connections_accepted_total", "probegate_gateway_connections_refused_total",
        "probegate_gateway_request_seconds_count", "probegate_gateway_line_bytes_total{direction=\"in\"}",
        "probegate_gateway_line_bytes_total{direction=\"out\"}", "probegate_gateway_bad_lines_total",
        "probegate_gateway_sessions_lost_total"}) {
    EXPECT_EQ(Exposed(text, series), 0) << series;
  }
}

TEST(GatewayMetrics, EachRequestAndStatusHasItsOwnCounter) {
  MetricSet set;
  const GatewayMetrics metrics(set);
  const auto now = OperationScope::Clock::now();
  const auto count = [&](const Command* command, size_t outcome) {
    OperationScope scope(metrics.request(command), Unanswered(), now);
    scope.Finish(outcome, now);
  };
  for (const Command& command : Commands()) {
    for (const ReplyStatus status : kStatuses) count(&command, OutcomeOf(status));
    count(&command, Unanswered());
  }
  count(nullptr, OutcomeOf(ReplyStatus::kGeneralError));
  const std::string text = set.Expose();
  for (const Command& command : Commands()) {
    for (const ReplyStatus status : kStatuses) {
      EXPECT_EQ(Exposed(text, Series(command.name, ReplyOutcomeName(OutcomeOf(status)))), 1) << command.name;
    }
    EXPECT_EQ(Exposed(text, Series(command.name, "unanswered")), 1) << command.name;
  }
  EXPECT_EQ(Exposed(text, Series("unknown", "general_error")), 1);
  EXPECT_EQ(Exposed(text, Series("unknown", "ok")), 0);
  EXPECT_EQ(Exposed(text, "probegate_gateway_request_seconds_count"),
            static_cast<double>(Commands().size() * (std::size(kStatuses) + 1) + 1));
}

// Each status that a server's error can cause has a name of its own.
TEST(GatewayMetrics, NamesEveryStatusThatErrorsLeadTo) {
  for (int kind = 0; v1::ErrorKind_IsValid(kind); ++kind) {
    const ReplyStatus status = StatusOfError(static_cast<v1::ErrorKind>(kind));
    EXPECT_THAT(kStatuses, ::testing::Contains(status)) << kind;
  }
  EXPECT_EQ(ReplyOutcomeName(OutcomeOf(ReplyStatus::kOk)), "ok");
  EXPECT_EQ(OutcomeOf(ReplyStatus::kOk), 0U) << "OperationMetrics expects success to be 0";
  EXPECT_EQ(ReplyOutcomeName(OutcomeOf(ReplyStatus::kTransferFault)), "transfer_fault");
  EXPECT_EQ(ReplyOutcomeName(Unanswered()), "unanswered");
}

}  // namespace
}  // namespace probegate
