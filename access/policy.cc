#include "access/policy.h"

#include <algorithm>
#include <utility>

#include "base/one_line.h"

namespace probegate {
namespace {

constexpr size_t kShownUid = 256;  // bytes
constexpr char kNoFile[] = "no access file";

std::string Denial(const Identity& identity, Right right, const std::string& of_what) {
  const std::string name(RowOf(right).name);
  return identity.Text() + " does not have the right `" + name + "`" + of_what +
         "; ask the administrator for a rule that gives it";
}

Decision Allowed(std::string rule) { return {.allowed = true, .rule = std::move(rule), .message = {}}; }

}  // namespace

absl::Status Decision::status() const { return allowed ? absl::OkStatus() : absl::PermissionDeniedError(message); }

Policy::Policy(std::vector<Rule> rules, std::vector<IssuerSettings> issuers, std::string version)
    : rules_(std::move(rules)), issuers_(std::move(issuers)), version_(std::move(version)) {}

std::shared_ptr<const Policy> Policy::AllowAll() {
  auto policy = std::make_shared<Policy>(std::vector<Rule>(), std::vector<IssuerSettings>(), "none");
  policy->allow_all_ = true;
  return policy;
}

Decision Policy::Decide(const Identity& identity, Right right, const ProbeNames& probe) const {
  if (allow_all_) return Allowed(kNoFile);
  if (const Rule* const rule = Find(identity, right, &probe)) return Allowed(rule->name);
  return {.message = Denial(identity, right, " for the probe " + OneLine(probe.uid, kShownUid))};
}

Decision Policy::Decide(const Identity& identity, Right right) const {
  if (allow_all_) return Allowed(kNoFile);
  if (const Rule* const rule = Find(identity, right, nullptr)) return Allowed(rule->name);
  return {.message = Denial(identity, right, RowOf(right).per_probe ? " for any probe" : "")};
}

std::vector<GrantedRight> Policy::RightsOf(const Identity& identity, const ProbeNames& probe) const {
  std::vector<GrantedRight> granted;
  for (const RightRow& row : Rights()) {
    Decision decision = Decide(identity, row.right, probe);
    if (decision.allowed) granted.push_back({.right = row.right, .rule = std::move(decision.rule)});
  }
  return granted;
}

Limits Policy::LimitsOf(const Identity& identity) const {
  Limits limits;
  for (const Rule& rule : rules_) {
    if (rule.Names(identity)) limits.Extend(rule.limits);
  }
  return limits;
}

const Rule* Policy::Find(const Identity& identity, Right right, const ProbeNames* probe) const {
  const auto found = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    return rule.may.Has(right) && rule.Names(identity) && (probe == nullptr || rule.Covers(*probe));
  });
  return found == rules_.end() ? nullptr : &*found;
}

}  // namespace probegate
