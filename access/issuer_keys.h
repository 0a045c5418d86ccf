// Where the check of a JWT gets the public keys of its issuer.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "access/jwk_set.h"

namespace probegate {

// Threads: any. Nothing blocks.
class IssuerKeys {
 public:
  IssuerKeys() = default;
  virtual ~IssuerKeys() = default;
  IssuerKeys(const IssuerKeys&) = delete;
  IssuerKeys& operator=(const IssuerKeys&) = delete;

  // The issuer's current keys, for a token that names the key `kid` (empty: it names none). UNAVAILABLE if they are
  // being fetched: the client should try again. UNAUTHENTICATED if the issuer has no key `kid`.
  virtual absl::StatusOr<std::shared_ptr<const JwkSet>> Get(std::string_view kid) = 0;
};

// Keys that do not change: those in a file. If the file changes, AccessFile makes new ones.
class FixedKeys : public IssuerKeys {
 public:
  explicit FixedKeys(JwkSet keys) : keys_(std::make_shared<const JwkSet>(std::move(keys))) {}

  absl::StatusOr<std::shared_ptr<const JwkSet>> Get(std::string_view kid) override {
    if (kid.empty() || keys_->Has(kid)) return keys_;
    return absl::UnauthenticatedError("the token is signed with a key that is not in its issuer's file of keys");
  }

 private:
  const std::shared_ptr<const JwkSet> keys_;
};

}  // namespace probegate
