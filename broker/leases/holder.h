// Who acquires leases, as the broker remembers it.
#pragma once

#include <string>

#include "access/identity.h"
#include "probegate/broker/v1/leases.pb.h"
#include "probegate/broker/v1/record.pb.h"

namespace probegate::broker {

struct Requester {
  Identity identity;
  std::string key;    // by which its leases are counted (base/quota.h)
  std::string owner;  // whom its leases belong to

  v1::Holder ToMessage() const;
  v1::StoredIdentity ToRecord() const;
  static Requester FromRecord(const v1::StoredIdentity& record);
};

}  // namespace probegate::broker
