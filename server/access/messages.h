// Identities and probes, between the wire's messages and the access file's terms.
#pragma once

#include <string>

#include "access/identity.h"
#include "access/rule.h"
#include "probegate/v1/debug_probe.pb.h"
#include "probegate/v1/probe_directory.pb.h"

namespace probegate {

inline ProbeNames NamesOf(const v1::ProbeDescription& probe) {
  return {.uid = probe.unique_id(), .labels = Labels(probe.labels().begin(), probe.labels().end())};
}

inline v1::ClientIdentity ToMessage(const Identity& identity) {
  v1::ClientIdentity message;
  message.set_name(identity.Text());
  message.set_proof(std::string(ProofName(identity.proof)));
  return message;
}

}  // namespace probegate
