// The command line and the configuration file of probegate-broker.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/quota.h"
#include "broker/leases/lease_rules.h"
#include "broker/leases/pools.h"
#include "config/access_options.h"
#include "config/log_options.h"
#include "config/metrics_options.h"
#include "config/tls_options.h"

namespace probegate::broker {

struct BrokerOptions {
  Endpoint listen{"127.0.0.1", 50071};
  std::string store;  // as broker/store/open_store.h takes it
  QuotaLimits connections;
  std::chrono::milliseconds connection_idle{10'000};
  Exposure exposure;
  TlsOptions tls;
  AccessOptions access;
  QuotaLimits leases{.all = 20'000, .per_client = 1'024};  // with the requests that wait
  LeaseRules rules;
  std::vector<Pool> pools;
  LogOptions log;
  MetricsOptions metrics;
};

// Fills `options`. Returns an exit code if the program should end now (config/arguments.h).
std::optional<int> ReadBrokerOptions(int argc, const char* const* argv, BrokerOptions& options);

}  // namespace probegate::broker
