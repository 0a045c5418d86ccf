// The server's settings, from its command line and its configuration file.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/address_range.h"
#include "base/endpoint.h"
#include "base/quota.h"
#include "base/server_list.h"
#include "config/access_options.h"
#include "config/log_options.h"
#include "config/metrics_options.h"
#include "config/tls_options.h"
#include "probe/cmsis_dap/probe_settings.h"
#include "server/lane/lane.h"

namespace probegate {

struct ServerConfig {
  std::vector<std::string> uids;  // unique IDs, or parts of them, of the probes to serve; empty for all
  Endpoint listen = DefaultServer();
  QuotaLimits connections;
  std::chrono::milliseconds connection_idle{10'000};
  Exposure exposure;
  TlsOptions tls;
  AccessOptions access;
  std::vector<Endpoint> cmsis_dap_tcp;
  bool usb = true;  // serve the probes on this host's USB
  std::vector<cmsis_dap::ProbeRule> probe_rules;
  std::string record;  // the file that packets are recorded in; empty for none
  LaneOptions lane;
  QuotaLimits sessions{.all = 1024, .per_client = 256};
  QuotaLimits memory{.all = uint64_t{256} << 20, .per_client = 0};  // bytes; per_client follows from all
  std::vector<AddressRange> gateways;                               // trusted in addition to loopback
  LogOptions log;
  MetricsOptions metrics;
};

// Fills `config`. Returns an exit code if the program should end now (config/arguments.h).
std::optional<int> ReadServerConfig(int argc, const char* const* argv, ServerConfig& config);

}  // namespace probegate
