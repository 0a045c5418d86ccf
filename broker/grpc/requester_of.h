// Who makes a call, as the broker's logic remembers it.
#pragma once

#include "access/service/caller.h"
#include "broker/leases/holder.h"

namespace probegate::broker {

inline Requester RequesterOf(const Caller& caller) {
  return {.identity = caller.identity, .key = caller.key, .owner = caller.owner};
}

}  // namespace probegate::broker
