// Who may do what with which probe: the rules of an access file (docs/access.md).
//
// Everything is denied unless a rule allows it. The rights of all rules that name an identity add up, and so do the
// limits: of several, the largest counts. No right includes another one.
//
// Threads: constant, so any. Nothing blocks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "access/identity.h"
#include "access/issuer_settings.h"
#include "access/limits.h"
#include "access/rights.h"
#include "access/rule.h"

namespace probegate {

struct Decision {
  bool allowed = false;
  std::string rule;     // Rule::name of the first rule that allows it; empty if it is denied
  std::string message;  // for the client, if it is denied: who it is, and which right it lacks for which probe

  // OK, or PERMISSION_DENIED with `message`.
  absl::Status status() const;
};

struct GrantedRight {
  Right right;
  std::string rule;  // Rule::name of the first rule that gives it
};

class Policy {
 public:
  // `version` says in the audit which rules applied.
  Policy(std::vector<Rule> rules, std::vector<IssuerSettings> issuers, std::string version);

  // The policy of a program without an access file: everyone has all rights.
  static std::shared_ptr<const Policy> AllowAll();

  // Whether `identity` has `right` for `probe`. The message names the probe by its uid, also if there is no such probe:
  // a caller that decides before it looks the probe up, or answers with the same message, reveals nothing.
  Decision Decide(const Identity& identity, Right right, const ProbeNames& probe) const;

  // Whether `identity` has `right`, at least for some probes: for what is not about one probe (RightRow::per_probe),
  // and for what comes before a probe is known, such as an upload.
  Decision Decide(const Identity& identity, Right right) const;

  // For `whoami`: the rights of `identity` for `probe`, and those that are not about a probe, in the order of Rights().
  std::vector<GrantedRight> RightsOf(const Identity& identity, const ProbeNames& probe) const;

  Limits LimitsOf(const Identity& identity) const;

  // What the access file says of issuers of JWTs.
  const std::vector<IssuerSettings>& issuers() const { return issuers_; }

  // The first 12 digits of the SHA-256 of the file's text; "none" without a file.
  const std::string& version() const { return version_; }

 private:
  // The first rule that gives the right; `probe` may be nullptr, which means some probe.
  const Rule* Find(const Identity& identity, Right right, const ProbeNames* probe) const;

  const std::vector<Rule> rules_;
  const std::vector<IssuerSettings> issuers_;
  const std::string version_;
  bool allow_all_ = false;
};

}  // namespace probegate
