// A probe's port over a fake upstream, with its io thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "asio/executor_work_guard.hpp"
#include "gateway/probe_port.h"
#include "telemetry/accept_log.h"
#include "tests/gateway/fake_upstream.h"
#include "tests/gateway/io_thread.h"
#include "tests/gateway/test_client.h"

namespace probegate {

class PortFixture {
 public:
  explicit PortFixture(FakeUpstream::Responder responder, ConnectionOptions options = {}, size_t max_connections = 100,
                       LogLevel log_level = LogLevel::kError, uint64_t max_memory = uint64_t{1} << 30)
      : log_(LogFormat::kText, log_level),
        bounds_({.connections = {.all = max_connections, .per_client = max_connections},
                 .memory = {.all = max_memory, .per_client = max_memory}},
                metrics_, log_),
        upstream(std::move(responder)),
        options_(options),
        accept_loop_(*AcceptLoop::Start(accept_log_)),
        work_(io_.get_executor()) {
    v1::ProbeDescription description;
    description.set_unique_id("PROBE1");
    description.set_vendor_name("Vendor");
    description.set_product_name("Product");
    description.set_description("Vendor Product");
    description.add_wire_protocols(v1::WIRE_PROTOCOL_DEFAULT);
    description.add_wire_protocols(v1::WIRE_PROTOCOL_SWD);
    description.add_capabilities(v1::CAPABILITY_SWJ_SEQUENCE);
    description.add_capabilities(v1::CAPABILITY_JTAG_SEQUENCE);
    description.add_capabilities(v1::CAPABILITY_SWD_SEQUENCE);
    description.add_capabilities(v1::CAPABILITY_SWO);
    probe = std::make_shared<ServedProbe>(description, std::shared_ptr<Upstream>(std::shared_ptr<void>(), &upstream));
    port_ = *ProbePort::Listen({io_, *accept_loop_, {options_, bounds_, metrics_, log_}, uncounted_}, probe, 0, {});
    number_ = port_->port();
    thread_.emplace(io_);
  }
  ~PortFixture() { Finish(); }
  PortFixture(const PortFixture&) = delete;
  PortFixture& operator=(const PortFixture&) = delete;

  uint16_t port() const { return number_; }
  ProbePort& probe_port() { return *port_; }

  // Listens on the same port once more.
  absl::StatusOr<std::shared_ptr<ProbePort>> ListenAgain() {
    return ProbePort::Listen({io_, *accept_loop_, {options_, bounds_, metrics_, log_}, uncounted_}, probe, port(), {});
  }

  // All metrics, as text.
  std::string Metrics() { return metric_set_.Expose(); }

  // What the clients hold in memory, in bytes, according to the quota.
  uint64_t memory_in_use() const { return bounds_.memory.usage().taken; }

  // Stops everything. After that, all pending requests have been counted and logged.
  void Finish() {
    port_->Stop("the test is over");
    work_.reset();
    thread_->Join();
  }

 private:
  MetricSet metric_set_;
  GatewayMetrics metrics_{metric_set_};
  Log log_;
  ClientBounds bounds_;
  Uncounted uncounted_;
  // Declared before the upstream, whose handlers still hold strands of it when they are destroyed.
  asio::io_context io_;

 public:
  FakeUpstream upstream;
  std::shared_ptr<ServedProbe> probe;

 private:
  const ConnectionOptions options_;
  AcceptLog accept_log_{log_};
  const std::unique_ptr<AcceptLoop> accept_loop_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::shared_ptr<ProbePort> port_;
  uint16_t number_ = 0;
  std::optional<IoThread> thread_;
};

}  // namespace probegate
