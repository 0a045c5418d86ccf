#include "broker/leases/holder.h"

namespace probegate::broker {
namespace {

Proof ProofOf(const std::string& name) {
  for (const Proof proof : {Proof::kLocal, Proof::kCertificate, Proof::kToken, Proof::kIssuer}) {
    if (ProofName(proof) == name) return proof;
  }
  return Proof::kAnonymous;
}

}  // namespace

v1::Holder Requester::ToMessage() const {
  v1::Holder message;
  message.set_name(identity.Text());
  message.set_proof(std::string(ProofName(identity.proof)));
  return message;
}

v1::StoredIdentity Requester::ToRecord() const {
  v1::StoredIdentity record;
  record.set_proof(std::string(ProofName(identity.proof)));
  record.set_name(identity.name);
  record.set_issuer(identity.issuer);
  for (const auto& [name, values] : identity.claims) {
    v1::StoredIdentity::Values& stored = (*record.mutable_claims())[name];
    stored.mutable_values()->Assign(values.begin(), values.end());
  }
  record.set_key(key);
  record.set_owner(owner);
  return record;
}

Requester Requester::FromRecord(const v1::StoredIdentity& record) {
  Identity identity{.proof = ProofOf(record.proof()), .name = record.name(), .issuer = record.issuer()};
  for (const auto& [name, stored] : record.claims()) {
    identity.claims[name].assign(stored.values().begin(), stored.values().end());
  }
  return {.identity = std::move(identity), .key = record.key(), .owner = record.owner()};
}

}  // namespace probegate::broker
