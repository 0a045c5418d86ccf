#include "base/grpc/connection_facts.h"

#include <iterator>
#include <string_view>

#include <grpc/grpc_security_constants.h>

#include "base/endpoint.h"

namespace probegate {
namespace {

// It allocates nothing, so each call has the context that gRPC makes by default, which refers to this object.
class Tag final : public grpc::ContextAllocator {
 public:
  explicit Tag(uint32_t uid) : uid_(uid) {}
  uint32_t uid() const { return uid_; }

 private:
  const uint32_t uid_;
};

std::optional<uint32_t> UidOf(const grpc::ServerContextBase& context) {
  const auto* const call = dynamic_cast<const grpc::CallbackServerContext*>(&context);
  if (call == nullptr) return std::nullopt;
  const auto* const tag = dynamic_cast<const Tag*>(call->context_allocator());
  if (tag == nullptr) return std::nullopt;
  return tag->uid();
}

std::string_view View(const grpc::string_ref& text) { return {text.data(), text.size()}; }

std::string First(const grpc::AuthContext& context, const char* name) {
  const auto values = context.FindPropertyValues(name);
  return values.empty() ? std::string() : std::string(View(values.front()));
}

std::vector<std::string> Authorization(const grpc::ServerContextBase& context) {
  std::vector<std::string> values;
  const auto [first, end] = context.client_metadata().equal_range("authorization");
  for (auto value = first; value != end; ++value) values.emplace_back(View(value->second));
  return values;
}

}  // namespace

std::unique_ptr<grpc::ContextAllocator> UidTag(uint32_t uid) { return std::make_unique<Tag>(uid); }

Peer PeerOf(const grpc::ServerContextBase& context) {
  const auto uid = UidOf(context);
  return uid ? PeerWithUid(*uid) : ParsePeer(context.peer());
}

ConnectionFacts FactsOf(const grpc::ServerContextBase& context) {
  ConnectionFacts facts{.peer = PeerOf(context), .authorization = Authorization(context)};
  facts.uid = facts.peer.uid;
  const auto security = context.auth_context();
  const std::string transport = security ? First(*security, GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME) : "";
  if (transport == GRPC_TLS_TRANSPORT_SECURITY_TYPE) {
    facts.protection = Protection::kTls;
    facts.certificate = First(*security, GRPC_X509_PEM_CERT_PROPERTY_NAME);
  } else if (facts.uid) {
    facts.protection = Protection::kUnix;
  } else if (IsLoopback(facts.peer.host)) {
    facts.protection = Protection::kLoopback;
  }
  return facts;
}

}  // namespace probegate
