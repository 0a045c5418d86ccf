// Lists, watchers and ending sessions.
#include <list>
#include <memory>
#include <numeric>
#include <vector>

#include "gmock/gmock.h"
#include "tests/server/grpc/rim_fixture.h"

namespace probegate {
namespace {

class ProbeDirectoryTest : public RimTest {
 protected:
  using Watch = grpc::ClientReader<v1::WatchProbesResponse>;

  // The next event for which `wanted` returns true.
  static v1::WatchProbesResponse Next(Watch& watch, const std::function<bool(const v1::WatchProbesResponse&)>& wanted) {
    v1::WatchProbesResponse event;
    do {
      if (!watch.Read(&event)) {
        ADD_FAILURE() << "the watch ended";
        return {};
      }
    } while (!wanted(event));
    return event;
  }
  static auto State(const std::string& probe, v1::ProbeState state) {
    return [=](const v1::WatchProbesResponse& event) {
      return event.changed().description().unique_id() == probe && event.changed().state() == state;
    };
  }

  grpc::ClientContext context;
};

TEST_F(ProbeDirectoryTest, ListsProbesInOrderWithTheirState) {
  server.Plug("B2");
  const auto wire = server.Plug("A1");
  grpc::ClientContext streaming;
  const auto stream = ConnectStream(streaming, "A1");
  v1::ListProbesResponse list;
  ASSERT_TRUE(directory->ListProbes(&context, {}, &list).ok());
  ASSERT_EQ(list.probes_size(), 2);
  EXPECT_EQ(list.probes(0).description().unique_id(), "A1");
  EXPECT_EQ(list.probes(0).state(), v1::PROBE_STATE_IN_USE);
  EXPECT_EQ(list.probes(0).session_count(), 1u);
  EXPECT_EQ(list.probes(0).location(), "fake:A1");
  EXPECT_EQ(list.probes(1).state(), v1::PROBE_STATE_IDLE);
}

TEST_F(ProbeDirectoryTest, ListsProbesWithTheWantedLabels) {
  server.Plug("A1");
  const auto count = [this](std::map<std::string, std::string> labels) {
    v1::ListProbesRequest request;
    request.mutable_labels()->insert(labels.begin(), labels.end());
    v1::ListProbesResponse list;
    grpc::ClientContext one;
    EXPECT_TRUE(directory->ListProbes(&one, request, &list).ok());
    return list.probes_size();
  };
  EXPECT_EQ(count({}), 1);
  EXPECT_EQ(count({{"vendor", "PROBEGATE"}}), 1);
  EXPECT_EQ(count({{"vendor", "Probegate"}, {"product", "fake probe"}}), 1);
  EXPECT_EQ(count({{"vendor", "Probegate"}, {"product", "fake"}}), 0);
  EXPECT_EQ(count({{"Vendor", "Probegate"}}), 0);
  EXPECT_EQ(count({{"rack", ""}}), 0);
}

TEST_F(ProbeDirectoryTest, ListsWhatIsNotServedIfAsked) {
  server.catalog.unserved().Note({.location = "usb:1-1", .reason = "it is not a probe"});
  v1::ListProbesRequest request;
  v1::ListProbesResponse list;
  ASSERT_TRUE(directory->ListProbes(&context, request, &list).ok());
  EXPECT_EQ(list.unserved_size(), 0);
  request.set_include_unserved(true);
  grpc::ClientContext again;
  ASSERT_TRUE(directory->ListProbes(&again, request, &list).ok());
  ASSERT_EQ(list.unserved_size(), 1);
  EXPECT_EQ(list.unserved(0).reason(), "it is not a probe");
}

TEST_F(ProbeDirectoryTest, AWatcherGetsASnapshotThenTheChanges) {
  const auto wire = server.Plug("A1");
  server.Plug("B2");
  const auto watch = directory->WatchProbes(&context, {});
  v1::WatchProbesResponse event;
  ASSERT_TRUE(watch->Read(&event));
  EXPECT_EQ(event.changed().description().unique_id(), "A1");
  ASSERT_TRUE(watch->Read(&event));
  EXPECT_EQ(event.changed().description().unique_id(), "B2");
  ASSERT_TRUE(watch->Read(&event));
  EXPECT_TRUE(event.snapshot_complete());
  {
    grpc::ClientContext streaming;
    const auto stream = ConnectStream(streaming, "A1");
    Next(*watch, State("A1", v1::PROBE_STATE_IN_USE));
    streaming.TryCancel();
    Next(*watch, State("A1", v1::PROBE_STATE_IDLE));
  }
  wire->Unplug();
  EXPECT_NE(Next(*watch, State("A1", v1::PROBE_STATE_AWAY)).changed().problem(), "");
  server.Plug("A1");
  Next(*watch, State("A1", v1::PROBE_STATE_IDLE));
  server.catalog.Stop("server is shutting down");
  while (watch->Read(&event)) {
  }
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ProbeDirectoryTest, AWatcherOfAnEmptyCatalogGetsAnEmptySnapshot) {
  const auto watch = directory->WatchProbes(&context, {});
  v1::WatchProbesResponse event;
  ASSERT_TRUE(watch->Read(&event));
  EXPECT_TRUE(event.snapshot_complete());
  server.Plug("A1");
  Next(*watch, State("A1", v1::PROBE_STATE_IDLE));
}

TEST_F(ProbeDirectoryTest, SessionsAreListedByAPartOfAProbesId) {
  server.Plug("A1");
  server.Plug("B2");
  grpc::ClientContext streaming;
  const auto stream = ConnectStream(streaming, "A1");
  const auto count = [&](const std::string& probe) {
    grpc::ClientContext call;
    v1::ListSessionsRequest request;
    request.set_probe(probe);
    v1::ListSessionsResponse response;
    EXPECT_TRUE(directory->ListSessions(&call, request, &response).ok()) << probe;
    return response.sessions_size();
  };
  EXPECT_EQ(count(""), 1);
  EXPECT_EQ(count("a"), 1);
  EXPECT_EQ(count("b2"), 0);
  v1::ListSessionsRequest unknown;
  unknown.set_probe("nobody");
  v1::ListSessionsResponse response;
  EXPECT_EQ(directory->ListSessions(&context, unknown, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ProbeDirectoryTest, ReturnsTheStatsOfEveryProbeOrOfOne) {
  server.Plug("A1");
  server.Plug("B2");
  grpc::ClientContext streaming;
  const auto stream = ConnectStream(streaming, "A1");
  v1::StreamRequest state = Command(4);
  state.mutable_get_state();
  ASSERT_TRUE(Ask(*stream, state).has_get_state());
  const auto ask = [&](const std::string& probe) {
    grpc::ClientContext call;
    v1::StatsRequest request;
    request.set_probe(probe);
    v1::StatsResponse response;
    EXPECT_TRUE(directory->Stats(&call, request, &response).ok()) << probe;
    return response;
  };
  const v1::StatsResponse first = ask("");
  ASSERT_EQ(first.probes_size(), 2);
  EXPECT_EQ(first.probes(0).status().description().unique_id(), "A1");
  EXPECT_EQ(first.probes(0).status().state(), v1::PROBE_STATE_IN_USE);
  EXPECT_GE(first.probes(0).commands(), 3u);
  EXPECT_EQ(first.probes(0).command_failures(), 0u);
  EXPECT_EQ(first.probes(1).commands(), 0u);
  const v1::LatencyHistogram& wire = first.probes(0).command_wire();
  ASSERT_EQ(wire.counts_size(), wire.bounds_seconds_size() + 1);
  EXPECT_EQ(std::accumulate(wire.counts().begin(), wire.counts().end(), uint64_t{0}), first.probes(0).commands());
  EXPECT_GT(first.time().seconds(), 0);

  ASSERT_TRUE(Ask(*stream, state).has_get_state());
  const v1::StatsResponse second = ask("a");
  ASSERT_EQ(second.probes_size(), 1);
  EXPECT_EQ(second.probes(0).commands(), first.probes(0).commands() + 1);
  EXPECT_GT(second.uptime_seconds(), first.uptime_seconds());
  v1::StatsRequest unknown;
  unknown.set_probe("nobody");
  v1::StatsResponse response;
  EXPECT_EQ(directory->Stats(&context, unknown, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ProbeDirectoryTest, AClientsWatchesAreLimited) {
  std::list<grpc::ClientContext> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::WatchProbesResponse>>> served;
  v1::WatchProbesResponse event;
  for (uint64_t i = 0; i < watches.limits().per_client; ++i) {
    served.push_back(directory->WatchProbes(&contexts.emplace_back(), {}));
    ASSERT_TRUE(served.back()->Read(&event));
  }
  const auto refused = directory->WatchProbes(&context, {});
  EXPECT_FALSE(refused->Read(&event));
  EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  for (grpc::ClientContext& each : contexts) each.TryCancel();
  EXPECT_TRUE(Eventually([&] { return watches.usage().taken == 0; }));
}

TEST_F(ProbeDirectoryTest, EndingAnUnknownSessionIsNotFound) {
  v1::EndSessionRequest request;
  request.set_session("0123456789abcdef");
  v1::EndSessionResponse response;
  EXPECT_EQ(directory->EndSession(&context, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ProbeDirectoryTest, ListsSessionsWithoutTheirSecrets) {
  server.Plug("A1");
  server.Plug("B2");
  grpc::ClientContext first, second;
  const auto on_a = ConnectStream(first, "A1");
  const auto on_b = OpenStream(second, "B2");
  v1::ListSessionsRequest request;
  request.set_probe("A1");
  v1::ListSessionsResponse list;
  ASSERT_TRUE(directory->ListSessions(&context, request, &list).ok());
  ASSERT_EQ(list.sessions_size(), 1);
  EXPECT_EQ(list.sessions(0).session().size(), 16u);
  EXPECT_TRUE(list.sessions(0).is_connected());
  EXPECT_THAT(list.sessions(0).client().peer_address(), testing::StartsWith("127.0.0.1:"));
  EXPECT_EQ(list.sessions(0).peer(), list.sessions(0).client().peer_address());
}

}  // namespace
}  // namespace probegate
