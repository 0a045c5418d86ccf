// A server with fake probes, without gRPC, for tests of the server's outer rooms.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "access/service/access_control.h"
#include "base/timers.h"
#include "gtest/gtest.h"
#include "server/access/method_rights.h"
#include "server/catalog/catalog.h"
#include "server/metrics/server_metrics.h"
#include "server/sessions/session_audit.h"
#include "server/sessions/session_registry.h"
#include "server/sessions/unary_sessions.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"
#include "tests/fakes/fake_probe.h"

namespace probegate {

// The limit of every wait; never reached unless something hangs.
inline constexpr std::chrono::seconds kBound{30};

// Waits until `condition` holds. Returns false if the limit passed first.
inline bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kBound;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

struct ServerOptions {
  CatalogOptions catalog;
  size_t max_sessions = 100;
  size_t max_sessions_per_client = 100;
  std::vector<AddressRange> gateways;
  LogLevel log_level = LogLevel::kError;
  AccessControl::Settings access;
  AuditLog* audit = nullptr;
  std::shared_ptr<const AccessSnapshot> rules = OpenToAll();  // what the files of access say
};

inline AccessControl::Settings ForServer(AccessControl::Settings settings) {
  settings.methods = ServerMethods();
  return settings;
}

class ServerFixture {
 public:
  explicit ServerFixture(ServerOptions options = {})
      : log(LogFormat::kText, options.log_level),
        metrics(metric_set),
        catalog(std::move(options.catalog), metrics, log),
        access(ForServer(options.access), options.rules),
        audit(options.audit),
        session_quota("sessions", {.all = options.max_sessions, .per_client = options.max_sessions_per_client}),
        sessions(catalog, log, session_quota, access, audit, timers, options.gateways),
        unary_sessions(sessions) {}
  ~ServerFixture() {
    timers.Stop();
    catalog.Stop("the test is over");
  }

  // Plugs in a probe with this unique ID.
  std::shared_ptr<FakeWire> Plug(const std::string& unique_id) {
    auto wire = std::make_shared<FakeWire>(FakeBoardOptions{}, FakeWire::DefaultInfo(unique_id));
    EXPECT_TRUE(catalog.Add(std::make_unique<FakeProbe>(wire), "fake:" + unique_id, [](const absl::Status&) {}).ok());
    return wire;
  }

  bool IsAway(const std::string& unique_id) const {
    const auto status = catalog.Find(unique_id);
    return status.ok() && status->state() == v1::PROBE_STATE_AWAY;
  }

  Log log;
  MetricSet metric_set;
  ServerMetrics metrics;
  Catalog catalog;
  AccessControl access;
  SessionAudit audit;
  Quota session_quota;
  Timers timers;
  SessionRegistry sessions;
  UnarySessions unary_sessions;  // idle ones do not end unless the test has an IdleThread
};

}  // namespace probegate
