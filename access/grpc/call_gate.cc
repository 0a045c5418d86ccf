#include "access/grpc/call_gate.h"

#include "access/grpc/credentials_of.h"
#include "base/grpc/connection_facts.h"

namespace probegate {

absl::StatusOr<Caller> CallGate::Admit(const std::string& method, const grpc::ServerContextBase& context) const {
  const ConnectionFacts facts = FactsOf(context);
  auto caller = access_.Identify(facts.peer, CredentialsOf(facts, certificates_), method);
  if (!caller.ok()) return caller;
  if (absl::Status denied = access_.CheckMethod(*caller); !denied.ok()) return denied;
  return caller;
}

}  // namespace probegate
