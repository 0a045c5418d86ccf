// The claims of a JWT as texts, for rules.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "access/identity.h"

namespace probegate {

// The claims in `object`, as the comment on Claims describes. Numbers and booleans are written as in JSON. Left out are
// null, lists in lists, texts of more than 1024 bytes or with control characters, and everything after 256 values: no
// rule matches what is left out.
Claims ReadClaims(const nlohmann::json& object);

}  // namespace probegate
