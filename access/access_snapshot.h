// What the files of access said at one time.
#pragma once

#include <memory>

#include "access/jwt.h"
#include "access/policy.h"
#include "access/static_tokens.h"

namespace probegate {

// Threads: constant, so any. None of the pointers is nullptr.
struct AccessSnapshot {
  std::shared_ptr<const Policy> policy;
  std::shared_ptr<const StaticTokens> tokens;
  std::shared_ptr<const JwtVerifier> jwts;
};

}  // namespace probegate
