#include "access/policy_reader.h"

#include <charconv>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "access/digest.h"
#include "access/http_get.h"
#include "access/identity.h"
#include "access/yaml_document.h"
#include "base/one_line.h"

namespace probegate {
namespace {

constexpr size_t kShown = 100;  // bytes of a value that a message quotes
constexpr char kExample[] = R"(issuers:
  - issuer: https://token.actions.githubusercontent.com
    audience: probegate
    jwks: https://token.actions.githubusercontent.com/.well-known/jwks
rules:
  - name: ci machines
    who: {certificate: "*.ci.example"}
    probes: {board: nrf52840dk}
    may: [view, use]
    limits: {sessions: 4}
  - name: firmware jobs
    who:
      issuer: https://token.actions.githubusercontent.com
      claims: {repository: acme/firmware, ref: "refs/heads/*"}
    may: [view, use, debug]
  - name: benches
    who: {token: [bench-1, bench-2]}
    may: [view, use, debug, kick]
  - name: this machine
    who: {local: "*"}
    may: [view]
)";

// What is wrong, and in which line, counted from 0. Thrown while a file is parsed, and caught in ReadPolicy.
struct Wrong {
  int line;
  std::string what;
};

[[noreturn]] void Refuse(const YAML::Node& node, const std::string& why) { throw Wrong{node.Mark().line, why}; }

std::string Quoted(const std::string& text) { return "\"" + OneLine(text, kShown) + "\""; }

std::string Text(const YAML::Node& node, const std::string& key) {
  if (!node.IsScalar() || node.Scalar().empty()) Refuse(node, key + " must be a text");
  if (!IsUsableName(node.Scalar())) Refuse(node, key + " must be one line of at most 2048 bytes");
  return node.Scalar();
}

// A text, or a list of at least one.
std::vector<std::string> Texts(const YAML::Node& node, const std::string& key) {
  if (!node.IsSequence()) return {Text(node, key)};
  std::vector<std::string> texts;
  for (const YAML::Node& item : node) texts.push_back(Text(item, key));
  if (texts.empty()) Refuse(node, key + " must not be an empty list");
  return texts;
}

// Checks that `node` is a map without the same key twice, and calls `take` with each key, its node and its value.
template <typename Take>
void ReadMap(const YAML::Node& node, const std::string& what, const Take& take) {
  if (!node.IsMap()) Refuse(node, what + " must be a map");
  std::set<std::string> seen;
  for (const auto& pair : node) {
    const std::string key = Text(pair.first, "a key of " + what);
    if (!seen.insert(key).second) Refuse(pair.first, what + " has the key " + Quoted(key) + " twice");
    // yaml-cpp does not know where a value that is missing would be.
    if (pair.second.IsNull()) Refuse(pair.first, Quoted(key) + " must have a value");
    take(key, pair.first, pair.second);
  }
}

// A key of a map, and what takes its value.
template <typename To>
struct Key {
  const char* name;
  void (*read)(const YAML::Node& value, const std::string& key, To& to);
};

// Reads a map that may have only `keys`.
template <typename To, size_t kCount>
void ReadKeys(const YAML::Node& node, const std::string& what, const Key<To> (&keys)[kCount], To& to) {
  ReadMap(node, what, [&](const std::string& name, const YAML::Node& where, const YAML::Node& value) {
    std::string known;
    for (const Key<To>& key : keys) {
      if (name == key.name) return key.read(value, name, to);
      known += std::string(known.empty() ? "" : ", ") + key.name;
    }
    Refuse(where, "unknown key in " + what + ": " + Quoted(name) + "; the known keys are " + known);
  });
}

std::string AbsolutePath(const YAML::Node& node, const std::string& key) {
  std::string path = Text(node, key);
  if (!path.starts_with('/')) Refuse(node, key + ": " + Quoted(path) + " is not an absolute path");
  return path;
}

std::string KeysPlace(const YAML::Node& node, const std::string& key) {
  std::string place = Text(node, key);
  if (!place.starts_with('/') && !IsFetchable(place)) {
    Refuse(node, key + ": " + Quoted(place) +
                     " is not an absolute path or an https URL; http is only for 127.0.0.1, [::1] and localhost");
  }
  return place;
}

constexpr Key<IssuerSettings> kIssuerKeys[] = {
    {"issuer", [](const auto& v, const auto& k, auto& to) { to.issuer = Text(v, k); }},
    {"audience", [](const auto& v, const auto& k, auto& to) { to.audiences = Texts(v, k); }},
    {"jwks", [](const auto& v, const auto& k, auto& to) { to.jwks = KeysPlace(v, k); }},
    {"jwks-ca", [](const auto& v, const auto& k, auto& to) { to.jwks_ca = AbsolutePath(v, k); }},
    {"jwks-token", [](const auto& v, const auto& k, auto& to) { to.jwks_token = AbsolutePath(v, k); }},
};

IssuerSettings ReadIssuer(const YAML::Node& node) {
  IssuerSettings issuer;
  ReadKeys(node, "an issuer", kIssuerKeys, issuer);
  if (issuer.issuer.empty()) Refuse(node, "an issuer must have the key issuer, which is `iss` of its tokens");
  if (issuer.audiences.empty()) Refuse(node, "an issuer must have the key audience, which its tokens must be for");
  if (issuer.jwks.empty()) Refuse(node, "an issuer must have the key jwks, a file or URL with its public keys");
  return issuer;
}

std::vector<IssuerSettings> ReadIssuers(const YAML::Node& node) {
  if (!node.IsSequence()) Refuse(node, "issuers must be a list");
  std::vector<IssuerSettings> issuers;
  for (const YAML::Node& entry : node) {
    IssuerSettings issuer = ReadIssuer(entry);
    for (const IssuerSettings& other : issuers) {
      // Identities are written as issuer:ISSUER:SUBJECT, and must be different for different ones.
      const std::string a = issuer.issuer + ":";
      const std::string b = other.issuer + ":";
      if (a.starts_with(b) || b.starts_with(a)) {
        Refuse(entry, "the issuers " + Quoted(issuer.issuer) + " and " + Quoted(other.issuer) +
                          " must not be the same, or one of them the other one with a ':' after it");
      }
    }
    issuers.push_back(std::move(issuer));
  }
  return issuers;
}

uint64_t Number(const YAML::Node& node, const std::string& key) {
  const std::string text = Text(node, key);
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) Refuse(node, key + ": " + Quoted(text) + " is not a whole number");
  return value;
}

Limits ReadLimits(const YAML::Node& node) {
  Limits limits;
  ReadMap(node, "limits", [&limits](const std::string& key, const YAML::Node& where, const YAML::Node& value) {
    std::string known;
    for (const LimitRow& row : LimitRows()) {
      if (key == row.key) {
        const uint64_t number = Number(value, key);
        if (number > row.most) Refuse(value, key + ": at most " + std::to_string(row.most) + " is allowed");
        limits.*row.value = number;
        return;
      }
      known += (known.empty() ? "" : ", ") + std::string(row.key);
    }
    Refuse(where, "unknown limit: " + Quoted(key) + "; the known ones are " + known);
  });
  return limits;
}

RightSet ReadRights(const YAML::Node& node, const std::string& key) {
  RightSet rights;
  std::string known;
  for (const RightRow& row : Rights()) known += (known.empty() ? "" : ", ") + std::string(row.name);
  for (const std::string& name : Texts(node, key)) {
    const RightRow* const row = FindRight(name);
    if (row == nullptr) Refuse(node, "unknown right: " + Quoted(name) + "; the known ones are " + known);
    rights.Add(row->right);
  }
  return rights;
}

std::map<std::string, std::vector<std::string>> ReadPatterns(const YAML::Node& node, const std::string& what) {
  std::map<std::string, std::vector<std::string>> patterns;
  ReadMap(node, what, [&patterns](const std::string& key, const YAML::Node&, const YAML::Node& value) {
    patterns[key] = Texts(value, key);
  });
  // An empty map would match everything, which is easily a mistake.
  if (patterns.empty()) Refuse(node, what + " must not be empty; to match everything, leave it out");
  return patterns;
}

void SetWho(const YAML::Node& value, const std::string& key, Proof proof, Rule::Who& who) {
  if (!who.names.empty()) Refuse(value, "who must have only one of certificate, token, local and issuer");
  who.proof = proof;
  who.names = Texts(value, key);
}

constexpr Key<Rule::Who> kWhoKeys[] = {
    {"certificate", [](const auto& v, const auto& k, auto& to) { SetWho(v, k, Proof::kCertificate, to); }},
    {"token", [](const auto& v, const auto& k, auto& to) { SetWho(v, k, Proof::kToken, to); }},
    {"local", [](const auto& v, const auto& k, auto& to) { SetWho(v, k, Proof::kLocal, to); }},
    {"issuer", [](const auto& v, const auto& k, auto& to) { SetWho(v, k, Proof::kIssuer, to); }},
    {"claims", [](const auto& v, const auto& k, auto& to) { to.claims = ReadPatterns(v, k); }},
};

Rule::Who ReadWho(const YAML::Node& node) {
  Rule::Who who;
  ReadKeys(node, "who", kWhoKeys, who);
  if (who.names.empty()) Refuse(node, "who must have one of certificate, token, local and issuer");
  if (!who.claims.empty() && who.proof != Proof::kIssuer) Refuse(node, "claims are only for who: {issuer: …}");
  return who;
}

constexpr Key<Rule> kRuleKeys[] = {
    {"name", [](const auto& v, const auto& k, auto& to) { to.name = Text(v, k); }},
    {"who", [](const auto& v, const auto&, auto& to) { to.who = ReadWho(v); }},
    {"probes", [](const auto& v, const auto& k, auto& to) { to.probes = ReadPatterns(v, k); }},
    {"may", [](const auto& v, const auto& k, auto& to) { to.may = ReadRights(v, k); }},
    {"limits", [](const auto& v, const auto&, auto& to) { to.limits = ReadLimits(v); }},
};

Rule ReadRule(const YAML::Node& node) {
  Rule rule;
  ReadKeys(node, "a rule", kRuleKeys, rule);
  for (const char* const key : {"who", "may"}) {
    if (!node[key]) Refuse(node, std::string("a rule must have the key ") + key);
  }
  for (const RightRow& row : Rights()) {
    if (rule.may.Has(row.right) && !row.per_probe && !rule.probes.empty()) {
      Refuse(node["may"], "the right " + std::string(row.name) + " is not about single probes; give it in a rule " +
                              "without probes");
    }
  }
  const std::string line = "line " + std::to_string(node.Mark().line + 1);
  rule.name = rule.name.empty() ? line : rule.name + " (" + line + ")";
  return rule;
}

void CheckIssuers(const YAML::Node& node, const Rule& rule, const std::vector<IssuerSettings>& issuers) {
  if (rule.who.proof != Proof::kIssuer) return;
  for (const std::string& name : rule.who.names) {
    bool known = false;
    for (const IssuerSettings& issuer : issuers) known = known || issuer.issuer == name;
    if (!known) Refuse(node["who"], "the issuer " + Quoted(name) + " is not in issuers; write it exactly as there");
  }
}

std::shared_ptr<const Policy> ReadRoot(const YAML::Node& root, std::string version) {
  std::vector<IssuerSettings> issuers;
  std::vector<Rule> rules;
  ReadMap(root, "an access file", [&](const std::string& key, const YAML::Node& where, const YAML::Node& value) {
    if (key == "issuers") {
      issuers = ReadIssuers(value);
    } else if (key == "rules") {
      if (!value.IsSequence()) Refuse(value, "rules must be a list");
      for (const YAML::Node& entry : value) rules.push_back(ReadRule(entry));
    } else {
      Refuse(where, "unknown key: " + Quoted(key) + "; the known keys are issuers, rules");
    }
  });
  // Also for an empty file: it may just be being written, and would deny everything.
  if (!root["rules"]) Refuse(root, "an access file must have the key rules; rules: [] denies everything");
  for (size_t i = 0; i < rules.size(); ++i) CheckIssuers(root["rules"][i], rules[i], issuers);
  return std::make_shared<const Policy>(std::move(rules), std::move(issuers), std::move(version));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Policy>> ReadPolicy(std::string_view text, const std::string& file) {
  const auto wrong = [&file](int line, const std::string& what) {
    return absl::InvalidArgumentError(file + ":" + std::to_string(line + 1) + ": " + what);
  };
  if (text.size() > kMostAccessFile) return wrong(0, "the file is longer than 1 MiB");
  try {
    return ReadRoot(LoadYamlDocument(std::string(text)), ShortDigest(text));
  } catch (const Wrong& error) {
    return wrong(error.line < 0 ? 0 : error.line, error.what);
  } catch (const YAML::Exception& error) {
    return wrong(error.mark.line < 0 ? 0 : error.mark.line, error.msg);
  }
}

std::string_view AccessFileExample() { return kExample; }

}  // namespace probegate
