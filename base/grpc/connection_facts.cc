#include "base/grpc/connection_facts.h"

#include <iterator>
#include <string_view>

#include <grpc/grpc_security_constants.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
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

std::vector<std::string> All(const grpc::AuthContext& context, const char* name) {
  std::vector<std::string> values;
  for (const grpc::string_ref& value : context.FindPropertyValues(name)) values.emplace_back(View(value));
  return values;
}

std::string First(const grpc::AuthContext& context, const char* name) {
  const auto values = context.FindPropertyValues(name);
  return values.empty() ? std::string() : std::string(View(values.front()));
}

void AddCertificate(const grpc::AuthContext& context, ConnectionFacts& facts) {
  facts.certificate = !context.FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME).empty();
  facts.spiffe_id = First(context, GRPC_PEER_SPIFFE_ID_PROPERTY_NAME);
  facts.uris = All(context, GRPC_PEER_URI_PROPERTY_NAME);
  facts.dns_names = All(context, GRPC_PEER_DNS_PROPERTY_NAME);
  facts.emails = All(context, GRPC_PEER_EMAIL_PROPERTY_NAME);
  facts.common_name = First(context, GRPC_X509_CN_PROPERTY_NAME);
}

std::string BearerToken(const grpc::ServerContextBase& context) {
  constexpr std::string_view kScheme = "bearer ";
  const auto [first, end] = context.client_metadata().equal_range("authorization");
  if (first == end || std::next(first) != end) return {};
  const std::string_view value = View(first->second);
  if (value.size() < kScheme.size()) return {};
  const std::string scheme(value.substr(0, kScheme.size()));
  if (!absl::EqualsIgnoreCase(scheme, "Bearer ")) return {};
  return std::string(absl::StripAsciiWhitespace(std::string(value.substr(kScheme.size()))));
}

}  // namespace

std::unique_ptr<grpc::ContextAllocator> UidTag(uint32_t uid) { return std::make_unique<Tag>(uid); }

Peer PeerOf(const grpc::ServerContextBase& context) {
  const auto uid = UidOf(context);
  return uid ? PeerWithUid(*uid) : ParsePeer(context.peer());
}

ConnectionFacts FactsOf(const grpc::ServerContextBase& context) {
  ConnectionFacts facts{.peer = PeerOf(context), .bearer_token = BearerToken(context)};
  facts.uid = facts.peer.uid;
  const auto security = context.auth_context();
  const std::string transport = security ? First(*security, GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME) : "";
  if (transport == GRPC_TLS_TRANSPORT_SECURITY_TYPE) {
    facts.protection = Protection::kTls;
    AddCertificate(*security, facts);
  } else if (facts.uid) {
    facts.protection = Protection::kUnix;
  } else if (IsLoopback(facts.peer.host)) {
    facts.protection = Protection::kLoopback;
  }
  return facts;
}

}  // namespace probegate
