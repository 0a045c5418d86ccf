// What `probegate top` calculates from two answers.
#include "cli/top/top.h"

#include <cmath>

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "cli/top/histogram_quantile.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace probegate {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Optional;

v1::LatencyHistogram Histogram(const std::vector<uint64_t>& counts, const std::vector<double>& bounds = {1, 2, 4}) {
  v1::LatencyHistogram histogram;
  histogram.mutable_bounds_seconds()->Add(bounds.begin(), bounds.end());
  histogram.mutable_counts()->Add(counts.begin(), counts.end());
  return histogram;
}

std::optional<double> QuantileOf(double q, const std::vector<uint64_t>& counts) {
  return Quantile(q, Histogram(counts), counts);
}

TEST(Quantile, IsInterpolatedWithinItsBucket) {
  EXPECT_THAT(QuantileOf(0.5, {0, 4, 0, 0}), Optional(DoubleEq(1.5)));
  EXPECT_THAT(QuantileOf(0.5, {4, 0, 0, 0}), Optional(DoubleEq(0.5)));
  EXPECT_THAT(QuantileOf(0.75, {2, 2, 0, 0}), Optional(DoubleEq(1.5)));
  EXPECT_THAT(QuantileOf(0.99, {50, 0, 50, 0}), Optional(DoubleEq(2 + 2 * 49.0 / 50)));
  EXPECT_THAT(QuantileOf(1, {1, 1, 1, 0}), Optional(DoubleEq(4)));
  // Quantile 0 is in the first bucket that is not empty.
  EXPECT_THAT(QuantileOf(0, {0, 0, 5, 0}), Optional(DoubleEq(2)));
}

TEST(Quantile, AboveTheLastBoundIsThatBound) {
  EXPECT_THAT(QuantileOf(0.5, {0, 0, 0, 9}), Optional(DoubleEq(4)));
  EXPECT_THAT(QuantileOf(0.99, {10, 0, 0, 10}), Optional(DoubleEq(4)));
}

TEST(Quantile, IsNothingWithoutCounts) {
  EXPECT_EQ(QuantileOf(0.5, {0, 0, 0, 0}), std::nullopt);
  EXPECT_EQ(Quantile(0.5, v1::LatencyHistogram(), {}), std::nullopt);
  // Such an answer comes from a server that violates the contract.
  EXPECT_EQ(QuantileOf(0.99, {0, 0, 5}), std::nullopt);
  EXPECT_EQ(QuantileOf(0.99, {5}), std::nullopt);
}

TEST(Difference, IsTheIncrease) {
  EXPECT_THAT(Difference(Histogram({1, 2, 3, 4}), Histogram({1, 5, 3, 6})), ElementsAre(0, 3, 0, 2));
}

TEST(Difference, IsEverythingIfTheCountsWereReset) {
  EXPECT_THAT(Difference(Histogram({9, 9, 9, 9}), Histogram({9, 9, 1, 10})), ElementsAre(9, 9, 1, 10));
  EXPECT_THAT(Difference(v1::LatencyHistogram(), Histogram({1, 2, 3, 4})), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Difference(Histogram({1, 2, 3, 4}), v1::LatencyHistogram()), ElementsAre());
}

v1::ProbeStats Probe(const std::string& unique_id, uint64_t commands, uint64_t packets = 0) {
  v1::ProbeStats probe;
  probe.mutable_status()->mutable_description()->set_unique_id(unique_id);
  probe.mutable_status()->set_state(v1::PROBE_STATE_IDLE);
  probe.set_commands(commands);
  probe.set_packets(packets);
  *probe.mutable_command_wait() = Histogram({commands, 0, 0, 0});
  *probe.mutable_command_wire() = Histogram({0, commands, 0, 0});
  return probe;
}

// The default time at which the server started.
constexpr int64_t kBegan = 1'000'000'000;

v1::StatsResponse Answer(double uptime, const std::vector<v1::ProbeStats>& probes, int64_t began = kBegan) {
  v1::StatsResponse answer;
  answer.set_uptime_seconds(uptime);
  answer.mutable_time()->set_seconds(began + static_cast<int64_t>(uptime));
  for (const v1::ProbeStats& probe : probes) *answer.add_probes() = probe;
  return answer;
}

TEST(Compare, CalculatesRates) {
  v1::ProbeStats before = Probe("A", 100, 50);
  v1::ProbeStats after = Probe("A", 300, 100);
  before.set_command_failures(1);
  after.set_command_failures(5);
  after.set_bytes_out(1000);
  after.set_bytes_in(500);
  after.set_queue_depth(3);
  after.set_lock_held(true);
  after.set_lock_waiters(2);
  const Top top = Compare(Answer(10, {before}), Answer(12, {after}), {});
  EXPECT_EQ(top.time, "2001-09-09T01:46:52Z");
  EXPECT_EQ(top.seconds, 2);
  ASSERT_EQ(top.rows.size(), 1u);
  const TopRow& row = top.rows[0];
  ASSERT_TRUE(row.rates.has_value());
  EXPECT_EQ(row.rates->commands, 100);
  EXPECT_EQ(row.rates->command_failures, 2);
  EXPECT_EQ(row.rates->packets, 25);
  EXPECT_EQ(row.rates->bytes, 750);
  EXPECT_THAT(row.commands_per_packet, Optional(4.0));
  EXPECT_THAT(row.wait_p50, Optional(DoubleEq(0.5)));
  EXPECT_THAT(row.wire_p50, Optional(DoubleEq(1.5)));
  EXPECT_EQ(row.queue_depth, 3u);
  EXPECT_TRUE(row.lock_held);
  EXPECT_EQ(row.lock_waiters, 2u);
}

TEST(Compare, AnIdleProbeHasZeroRates) {
  const Top top = Compare(Answer(10, {Probe("A", 7, 7)}), Answer(11, {Probe("A", 7, 7)}), {});
  const TopRow& row = top.rows.at(0);
  EXPECT_EQ(row.rates->commands, 0);
  EXPECT_EQ(row.commands_per_packet, std::nullopt);
  EXPECT_EQ(row.wait_p50, std::nullopt);
  EXPECT_EQ(row.wire_p99, std::nullopt);
}

TEST(Compare, ANewProbeCountsFromZero) {
  const Top top = Compare(Answer(10, {}), Answer(12, {Probe("A", 8, 2)}), {});
  EXPECT_EQ(top.rows.at(0).rates->commands, 4);
  EXPECT_THAT(top.rows.at(0).commands_per_packet, Optional(4.0));
}

TEST(Compare, AProbeThatIsGoneIsNotListed) {
  const Top top = Compare(Answer(10, {Probe("A", 8), Probe("B", 9)}), Answer(12, {Probe("B", 9)}), {});
  ASSERT_EQ(top.rows.size(), 1u);
  EXPECT_EQ(top.rows[0].probe, "B");
}

TEST(Compare, AfterARestartCountsWhatHappenedSince) {
  const Top top = Compare(Answer(1000, {Probe("A", 500, 500)}), Answer(2, {Probe("A", 600, 40)}), {});
  EXPECT_EQ(top.seconds, 2);
  EXPECT_EQ(top.rows.at(0).rates->commands, 300);
  EXPECT_EQ(top.rows.at(0).rates->packets, 20);
  EXPECT_THAT(top.rows.at(0).wire_p50, Optional(DoubleEq(1.5)));
}

TEST(Compare, AfterAnEarlierRestartCountsWhatHappenedSince) {
  const Top top = Compare(Answer(10, {Probe("A", 500), Probe("B", 3)}),
                          Answer(20, {Probe("A", 40), Probe("B", 60)}, kBegan + 15), {});
  EXPECT_EQ(top.seconds, 20);
  EXPECT_EQ(top.rows.at(0).rates->commands, 2);
  EXPECT_EQ(top.rows.at(1).rates->commands, 3);
}

TEST(Compare, ANewClockTimeIsNotARestart) {
  const Top top = Compare(Answer(10, {Probe("A", 500)}), Answer(12, {Probe("A", 506)}, kBegan + 3600), {});
  EXPECT_EQ(top.seconds, 2);
  EXPECT_EQ(top.rows.at(0).rates->commands, 3);
}

TEST(Compare, ResetTotalsGiveNoNegativeRate) {
  const Top top = Compare(Answer(10, {Probe("A", 500, 500)}), Answer(12, {Probe("A", 6, 4)}), {});
  EXPECT_EQ(top.rows.at(0).rates->commands, 3);
  EXPECT_EQ(top.rows.at(0).rates->packets, 2);
}

TEST(Compare, HasNoRatesIfNoTimeHasPassed) {
  const v1::StatsResponse answer = Answer(10, {Probe("A", 500, 500)});
  const Top top = Compare(answer, answer, {});
  EXPECT_FALSE(top.rows.at(0).rates.has_value());
  EXPECT_THAT(ToTable(top), Not(HasSubstr("nan")));
  EXPECT_THAT(ToTable(top), Not(HasSubstr("inf")));
}

TEST(Compare, NamesTheUsersOfEachProbe) {
  v1::ListSessionsResponse sessions;
  for (const char* probe : {"A", "B", "A"}) {
    v1::SessionInfo& session = *sessions.add_sessions();
    session.set_probe(probe);
    session.mutable_client()->set_user("alice");
    session.mutable_client()->set_name("a-program-with-a-long-name");
    session.mutable_client()->set_peer_address("10.0.0.7:51234");
  }
  const Top top = Compare(Answer(1, {}), Answer(2, {Probe("A", 0), Probe("B", 0), Probe("C", 0)}), sessions);
  EXPECT_EQ(top.rows.at(0).users.size(), 2u);
  EXPECT_THAT(top.rows.at(1).users, ElementsAre("alice/a-program-with-a-long-name@10.0.0.7:51234"));
  EXPECT_TRUE(top.rows.at(2).users.empty());
  EXPECT_THAT(ToTable(top), HasSubstr("  alice/a-program-with-a-l~ +1  "));
  EXPECT_THAT(Summary(top), HasSubstr("3 probes, 3 sessions"));
}

TEST(Merge, SortsTheFleetByProbe) {
  const Top first = Compare(Answer(10, {Probe("B", 0), Probe("D", 0)}), Answer(12, {Probe("B", 8), Probe("D", 0)}), {});
  const Top second = Compare(Answer(5, {Probe("A", 0), Probe("B", 0)}), Answer(6, {Probe("A", 8), Probe("B", 1)}), {});
  const Top all = Merge({{{.host = "lab1", .server = "10.0.0.1:1", .column = "lab1"}, first},
                         {{.host = "lab2", .server = "10.0.0.2:1", .column = "lab2"}, second}});
  EXPECT_EQ(all.time, first.time);
  EXPECT_EQ(all.seconds, 2);
  std::string rows;
  for (const TopRow& row : all.rows) rows += row.probe + "@" + row.place.host + " ";
  EXPECT_EQ(rows, "A@lab2 B@lab1 B@lab2 D@lab1 ");
  EXPECT_EQ(all.rows.at(0).rates->commands, 8);
  EXPECT_EQ(all.rows.at(1).rates->commands, 4);
  EXPECT_THAT(ToTable(all), HasSubstr("A      lab2  idle"));
  EXPECT_THAT(ToJson(all), HasSubstr("10.0.0.2:1"));
  EXPECT_EQ(OnlyOf("B", {}, all).rows.size(), 2u);
  EXPECT_EQ(OnlyOf("", {}, all).rows.size(), 4u);
  EXPECT_TRUE(Merge({}).rows.empty());
}

TEST(TopTable, EscapesTerminalControls) {
  Top top;
  top.rows = {{.probe = "A", .users = {"a\nb\x1b[2J"}}};
  EXPECT_THAT(ToTable(top), HasSubstr("  a\\u000ab\\u001b[2J  "));
}

TEST(TopTable, CutsAUserBetweenCharacters) {
  // 30 characters of two bytes each. There is room for 27 and the mark.
  std::string name, cut;
  for (int i = 0; i < 30; ++i) name += "\xC3\xA4";
  for (int i = 0; i < 27; ++i) cut += "\xC3\xA4";
  Top top;
  top.rows = {{.probe = "A", .users = {name}}, {.probe = "B"}};
  EXPECT_THAT(ToTable(top), HasSubstr("  " + cut + "~  "));
  // The columns after it begin at the same position.
  EXPECT_THAT(ToTable(top), HasSubstr("  -" + std::string(27, ' ') + "  -"));
}

TEST(TopJson, WritesNullForUnknownNumbers) {
  Top top;
  top.seconds = std::nan("");
  EXPECT_THAT(ToJson(top), HasSubstr("\"seconds\":null"));
}

TEST(TopJson, HasANumberOrNullForEachColumn) {
  const Top top = Compare(Answer(10, {Probe("A", 0)}), Answer(12, {Probe("A", 8)}), {});
  google::protobuf::Struct json;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(ToJson(top), &json).ok()) << ToJson(top);
  EXPECT_EQ(json.fields().at("seconds").number_value(), 2);
  const auto& probe = json.fields().at("probes").list_value().values(0).struct_value().fields();
  EXPECT_EQ(probe.at("probe").string_value(), "A");
  EXPECT_EQ(probe.at("commands_per_second").number_value(), 4);
  EXPECT_TRUE(probe.at("commands_per_packet").has_null_value());
  EXPECT_TRUE(probe.at("users").has_list_value());
}

}  // namespace
}  // namespace probegate
