// What is known about the connection of a call: who is at its other end, and how that is known. Facts only: what they
// mean, and what the caller may do, is decided elsewhere.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/server_context.h>

#include "base/peer.h"
#include "base/protection.h"

namespace probegate {

struct ConnectionFacts {
  Peer peer;
  Protection protection = Protection::kClear;
  std::optional<uint32_t> uid;  // of the process at the other end of a unix socket, when it connected
  // The client's certificate as PEM, whose authority, dates, and revocation were checked before the call. Empty if the
  // client has none.
  std::string certificate;
  // The values of the call's metadata `authorization`, as the client sent them; nobody has checked them.
  std::vector<std::string> authorization;
};

// Threads: any, but one at a time for each call. Neither function blocks.
ConnectionFacts FactsOf(const grpc::ServerContextBase& context);

// ConnectionFacts::peer alone, which costs less.
Peer PeerOf(const grpc::ServerContextBase& context);

// For the server of the clients with this uid on a unix socket: makes PeerOf find the uid. gRPC itself does not know
// it. To be passed to grpc::ServerBuilder::SetContextAllocator.
std::unique_ptr<grpc::ContextAllocator> UidTag(uint32_t uid);

}  // namespace probegate
