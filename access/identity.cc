#include "access/identity.h"

#include <algorithm>
#include <array>
#include <utility>

#include "access/digest.h"
#include "base/one_line.h"
#include "base/printable.h"

namespace probegate {
namespace {

constexpr std::array<std::pair<Proof, std::string_view>, 5> kProofs = {{
    {Proof::kAnonymous, "anonymous"},
    {Proof::kLocal, "local"},
    {Proof::kCertificate, "certificate"},
    {Proof::kToken, "token"},
    {Proof::kIssuer, "issuer"},
}};
constexpr size_t kDigestDigits = 32;  // 128 bits: nobody can find two names with the same ones

}  // namespace

std::string_view ProofName(Proof proof) {
  const auto* const row = std::find_if(kProofs.begin(), kProofs.end(), [proof](auto& r) { return r.first == proof; });
  return row == kProofs.end() ? "unknown" : row->second;
}

std::string Identity::Text() const {
  std::string text(ProofName(proof));
  if (!issuer.empty()) text += ":" + issuer;
  if (!name.empty()) text += ":" + name;
  if (text.size() <= kMaxText) return text;
  const size_t kept = kMaxText - kDigestDigits - 1;
  return OneLine(text, kept) + "~" + Sha256Hex(text).substr(0, kDigestDigits);
}

bool IsUsableName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && OneLine(name, kMaxName) == name && Printable(name) == name;
}

}  // namespace probegate
