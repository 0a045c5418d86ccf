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

namespace probegate {

enum class Protection : uint8_t {
  kTls,
  kUnix,      // a unix socket: the kernel says which user is at the other end
  kLoopback,  // in the clear, on this machine
  kClear,     // in the clear, over a network
};

struct ConnectionFacts {
  Peer peer;
  Protection protection = Protection::kClear;
  std::optional<uint32_t> uid;  // of the process at the other end of a unix socket, when it connected

  // Of the client's certificate, whose authority, dates, and revocation were checked before the call. Without a
  // certificate, all of them are empty.
  bool certificate = false;
  std::string spiffe_id;          // the only URI, if it is a valid SPIFFE ID
  std::vector<std::string> uris;  // subject alternative names, in their order
  std::vector<std::string> dns_names;
  std::vector<std::string> emails;
  std::string common_name;

  // The token in the call's metadata `authorization: Bearer TOKEN`, as the client sent it; nobody has checked it. Empty
  // if there is none, or more than one value of `authorization`.
  std::string bearer_token;
};

// Threads: any, but one at a time for each call. Neither function blocks.
ConnectionFacts FactsOf(const grpc::ServerContextBase& context);

// ConnectionFacts::peer alone, which costs less.
Peer PeerOf(const grpc::ServerContextBase& context);

// For the server of the clients with this uid on a unix socket: makes PeerOf find the uid. gRPC itself does not know
// it. To be passed to grpc::ServerBuilder::SetContextAllocator.
std::unique_ptr<grpc::ContextAllocator> UidTag(uint32_t uid);

}  // namespace probegate
