// A client of one server, whose calls return the answer or throw a Failure.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "base/grpc/client_tls.h"
#include "base/server_list.h"
#include "cli/print/failure.h"
#include "probegate/v1/debug_probe.grpc.pb.h"
#include "probegate/v1/probe_directory.grpc.pb.h"

namespace probegate {

class ServerClient {
 public:
  explicit ServerClient(const Server& server, const ChannelSecurity& security = {});

  // Waits until there is a connection. Throws kUnreachable if there is none within a few seconds.
  void Connect();

  const Server& server() const { return server_; }

  // The calls below throw if the server returns an error, takes longer than a few seconds, or sends an invalid
  // timestamp.
  v1::ListProbesResponse ListProbes(bool include_unserved = false);
  v1::ListSessionsResponse ListSessions(const std::string& probe);
  v1::StatsResponse Stats(const std::string& probe);
  v1::WhoAmIResponse WhoAmI();
  void EndSession(const std::string& session, const std::string& reason);

  v1::DebugProbe::Stub& debug_probe() { return *debug_probe_; }

  // Throws the Failure for `status`, unless it is OK.
  void Check(const grpc::Status& status) const;

 private:
  void CheckSense(bool makes_sense) const;

  const Server server_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::DebugProbe::Stub> debug_probe_;
  const std::unique_ptr<v1::ProbeDirectory::Stub> directory_;
};

// The failure to report if the server could not even be asked.
Failure NotAsked(const Server& server, const std::string& why);

// Throws the Failure for a command's error.
[[noreturn]] void Throw(const v1::ErrorDetail& error);

}  // namespace probegate
