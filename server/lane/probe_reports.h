// What a probe's driver and its link to the target report: the wire's events are counted in the probe's metrics, and
// what the driver assumes about the probe, or what the target does to its power, is logged.
//
// Threads: the lane's.
#pragma once

#include <cstddef>
#include <string_view>

#include "probe/observer.h"
#include "server/metrics/probe_metrics.h"
#include "telemetry/log.h"

namespace probegate {

class ProbeReports final : public ProbeObserver {
 public:
  // Both must outlive this.
  ProbeReports(ProbeMetrics& metrics, Log& log) : metrics_(metrics), log_(log) {}

  void OnPacket(size_t transfers, size_t bytes_out, size_t bytes_in) override {
    metrics_.OnPacket(transfers, bytes_out, bytes_in);
  }
  void OnWait() override { metrics_.OnWait(); }
  void OnFault() override { metrics_.OnFault(); }
  void OnNoAck() override { metrics_.OnNoAck(); }
  void OnRetry() override { metrics_.OnRetry(); }
  void OnAssumption(std::string_view what) override;
  // As DpLink::Warn.
  void OnTargetPower(std::string_view what);
  void OnDisconnect(DisconnectCause cause) override { metrics_.OnDisconnect(cause); }

 private:
  ProbeMetrics& metrics_;
  Log& log_;
};

}  // namespace probegate
