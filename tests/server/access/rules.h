// Rules and callers for tests of what callers may do.
#pragma once

#include <memory>
#include <string>

#include "access/access_snapshot.h"
#include "access/digest.h"
#include "access/policy_reader.h"
#include "gtest/gtest.h"
#include "server/access/access_control.h"
#include "server/access/caller.h"

namespace probegate {

// What the files say if the access file is `yaml`, and there are no tokens.
inline std::shared_ptr<const AccessSnapshot> Rules(const std::string& yaml) {
  auto snapshot = std::make_shared<AccessSnapshot>(*OpenToAll());
  auto policy = ReadPolicy(yaml, "access.yaml");
  EXPECT_TRUE(policy.ok()) << policy.status();
  if (policy.ok()) snapshot->policy = *policy;
  return snapshot;
}

// A caller with the token of this name, at `address`.
inline Caller TokenCaller(const std::string& name, const std::string& address = "10.0.0.1") {
  Caller caller(Peer{.address = address + ":1000", .host = address, .client = address},
                Identity{.proof = Proof::kToken, .name = name});
  caller.CountByIdentity();
  return caller;
}

inline const AccessControl::Settings kRestricted = {.restricts = true, .identifies = true};

}  // namespace probegate
