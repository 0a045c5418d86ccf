// Who makes a call: found once, where a stream, a session of unary calls or another call begins, and kept with it.
#pragma once

#include <string>
#include <utility>

#include "access/identity.h"
#include "access/limits.h"
#include "base/peer.h"

namespace probegate {

// Whether something proved the identity that others do not have, too: not `local`, which is every program of a user.
inline bool IsProved(Proof proof) { return proof != Proof::kAnonymous && proof != Proof::kLocal; }

// Threads: a plain value.
struct Caller {
  // A caller whose identity is not asked for: it counts as its address.
  explicit Caller(Peer at, Identity who = {})
      : peer(std::move(at)), identity(std::move(who)), key(peer.client), owner(peer.host) {}

  // From now on, it counts as its identity.
  void CountByIdentity() { key = owner = identity.Text(); }

  Peer peer;
  Identity identity;
  Limits limits;       // what the rules of its identity had, when the call began, instead of the program's own limits
  std::string key;     // by which its shares are counted (base/quota.h): Peer::client, or Identity::Text
  std::string method;  // of gRPC, that it calls; empty in tests
  std::string owner;   // to whom its sessions of unary calls belong: Peer::host, or Identity::Text
};

}  // namespace probegate
