// The command line and the configuration file of probegate-debugd.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/client_files.h"
#include "base/endpoint.h"
#include "base/quota.h"
#include "base/server_list.h"
#include "config/access_options.h"
#include "config/log_options.h"
#include "config/metrics_options.h"
#include "config/tls_options.h"
#include "debug/sessions.h"

namespace probegate {

struct DebugdOptions {
  Endpoint listen{"127.0.0.1", 50061};
  QuotaLimits connections;
  std::chrono::milliseconds connection_idle{10'000};
  Exposure exposure;
  TlsOptions tls;
  AccessOptions access;
  std::string token_file;  // for the servers
  bool allow_unconfined = false;
  std::vector<Endpoint> servers{DefaultServer()};  // at least one
  std::string recipes;                             // a file; empty: the built-in recipes
  std::vector<std::string> elf_folders;
  std::string work = "/tmp";  // the program makes its own folder in it
  UploadStore::Limits uploads;
  DebugQuotaLimits quotas;
  DebugLimits limits;
  GroupLimits group_limits;
  LogOptions log;
  MetricsOptions metrics;

  // With what this program and its gateways connect to the servers.
  ClientFiles client() const { return {.tls = tls.client(TlsRole::kBoth), .token = token_file}; }
};

// Fills `options`. Returns an exit code if the program should end now (config/arguments.h).
std::optional<int> ReadDebugdOptions(int argc, const char* const* argv, DebugdOptions& options);

}  // namespace probegate
