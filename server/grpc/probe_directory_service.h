// probegate.v1.ProbeDirectory: which probes there are and who is on them, over gRPC.
#pragma once

#include <grpcpp/grpcpp.h>

#include "probegate/v1/probe_directory.grpc.pb.h"
#include "server/catalog.h"
#include "server/session_registry.h"

namespace probegate {

class ProbeDirectoryService final : public v1::ProbeDirectory::CallbackService {
 public:
  // Both must outlive the server that this is registered with.
  ProbeDirectoryService(Catalog& catalog, SessionRegistry& sessions) : catalog_(catalog), sessions_(sessions) {}

  grpc::ServerUnaryReactor* ListProbes(grpc::CallbackServerContext* context, const v1::ListProbesRequest* request,
                                       v1::ListProbesResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchProbesResponse>* WatchProbes(grpc::CallbackServerContext* context,
                                                                 const v1::WatchProbesRequest* request) override;
  grpc::ServerUnaryReactor* ListSessions(grpc::CallbackServerContext* context, const v1::ListSessionsRequest* request,
                                         v1::ListSessionsResponse* response) override;
  grpc::ServerUnaryReactor* EndSession(grpc::CallbackServerContext* context, const v1::EndSessionRequest* request,
                                       v1::EndSessionResponse* response) override;

 private:
  Catalog& catalog_;
  SessionRegistry& sessions_;
};

}  // namespace probegate
