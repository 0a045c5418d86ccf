// Rules and callers for tests of what callers may do.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "access/access_snapshot.h"
#include "access/digest.h"
#include "access/policy_reader.h"
#include "access/service/access_control.h"
#include "access/service/caller.h"
#include "access/service/method_rights.h"
#include "gtest/gtest.h"

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

// The methods of a service that there is only in tests.
inline constexpr MethodRow kTestMethods[] = {
    {"/test.Service/View", Right::kView}, {"/test.Service/Use", Right::kUse}, {"/test.Service/Any", std::nullopt}};

inline const AccessControl::Settings kRestricted = {.restricts = true, .identifies = true, .methods = kTestMethods};

}  // namespace probegate
